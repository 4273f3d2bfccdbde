package io.lorikeet.bindings;

/// The parameters of rotary position embedding, as `ggml_rope_ext` takes them (`ggml.h`; YaRN:
/// arXiv 2309.00071).
///
/// @param dimensions how many of a head's elements are rotated
/// @param mode `GGML_ROPE_TYPE_NORMAL` (0) for neighbouring pairs, `GGML_ROPE_TYPE_NEOX` (2) for
///     halves
/// @param originalContext context length the base was trained with before YaRN
/// @param frequencyBase base of the frequencies
/// @param frequencyScale factor of the positions
/// @param extrapolation YaRN's mix of interpolation and extrapolation; 0 without YaRN
/// @param magnitude factor of the result
/// @param betaFast YaRN's upper number of rotations
/// @param betaSlow YaRN's lower number of rotations
public record RopeParameters(
    int dimensions,
    int mode,
    int originalContext,
    float frequencyBase,
    float frequencyScale,
    float extrapolation,
    float magnitude,
    float betaFast,
    float betaSlow) {}
