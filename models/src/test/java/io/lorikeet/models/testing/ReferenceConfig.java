package io.lorikeet.models.testing;

/// The numbers of a llama model that [ReferenceModel] needs.
///
/// @param layers transformer layers
/// @param width embedding length
/// @param feedForward feed-forward length
/// @param heads query heads
/// @param keyValueHeads key and value heads; a divisor of `heads`
/// @param headSize length of a head; all of it is rotated
/// @param vocabulary tokens
/// @param normEpsilon epsilon of the RMS norms
/// @param rope how queries and keys are rotated
public record ReferenceConfig(
    int layers,
    int width,
    int feedForward,
    int heads,
    int keyValueHeads,
    int headSize,
    int vocabulary,
    double normEpsilon,
    Rope rope) {

  /// Rotary position embedding with llama.cpp's scaling (`ggml_rope_ext` in mode NORM, `llama_context`'s constructor).
  ///
  /// @param base frequency base
  /// @param factor the context is stretched by this much; 1 for none
  /// @param yarn whether high frequencies are kept and only low ones stretched (YaRN), rather than all (linear)
  /// @param originalContext context length before stretching; used by YaRN only
  /// @param attentionFactor multiplies the rotated queries and keys each; 1 for none
  public record Rope(double base, double factor, boolean yarn, int originalContext, double attentionFactor) {

    /// Plain rotation.
    public static Rope of(double base) {
      return new Rope(base, 1, false, 0, 1);
    }
  }
}
