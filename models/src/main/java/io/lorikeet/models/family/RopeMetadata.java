package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.quant.InvalidInputException;
import java.util.List;

/// Rotary position embedding as llama.cpp derives it from metadata (`llama-model.cpp`,
/// `llama-context.cpp`).
final class RopeMetadata {
  /// Neighbouring elements are rotated together.
  static final int NORMAL = 0;

  /// The two halves of what is rotated are: `GGML_ROPE_TYPE_NEOX`.
  static final int NEOX = 2;

  private static final List<String> SCALINGS = List.of("none", "linear", "yarn", "longrope");

  private RopeMetadata() {}

  /// YaRN's settings that only some families read from the metadata.
  ///
  /// @param logMultiplier `rope.scaling.yarn_log_multiplier`, 0 for none
  record Yarn(float betaFast, float betaSlow, float logMultiplier) {
    static final Yarn USUAL = new Yarn(32, 1, 0);

    static Yarn read(ModelKeys keys) {
      return new Yarn(
          (float) keys.real("rope.scaling.yarn_beta_fast", USUAL.betaFast),
          (float) keys.real("rope.scaling.yarn_beta_slow", USUAL.betaSlow),
          (float) keys.real("rope.scaling.yarn_log_multiplier", 0));
    }
  }

  /// @param dimensions elements of a head that are rotated
  static RopeParameters read(ModelKeys keys, int mode, int dimensions, Yarn settings) {
    String scaling = keys.string("rope.scaling.type", "linear");
    if (!SCALINGS.contains(scaling)) {
      throw new InvalidInputException(
          "%s scales RoPE by '%s'; known are %s"
              .formatted(keys.source(), scaling, String.join(", ", SCALINGS)));
    }
    float frequencyScale = scaling.equals("none") ? 1 : frequencyScale(keys);
    float magnitude = (float) keys.real("rope.scaling.attn_factor", 1);
    boolean yarn = scaling.equals("yarn");
    if (yarn) {
      // ggml multiplies by 1 + 0.1 ln(factor) itself; llama.cpp takes that out again and puts its
      // own in.
      float stretch = 1 / frequencyScale;
      float own =
          settings.logMultiplier() == 0
              ? stretched(stretch, 1)
              : stretched(stretch, 1) / stretched(stretch, settings.logMultiplier());
      magnitude *= own / (1 + 0.1f * (float) Math.log(stretch));
    }
    return new RopeParameters(
        dimensions,
        mode,
        keys.positive("rope.scaling.original_context_length", keys.context()),
        (float) keys.real("rope.freq_base", 10000),
        frequencyScale,
        yarn ? 1 : 0,
        magnitude,
        settings.betaFast(),
        settings.betaSlow());
  }

  /// The factor of positions, for every kind of scaling.
  static float frequencyScale(ModelKeys keys) {
    double factor = keys.real("rope.scaling.factor", keys.real("rope.scale_linear", 0));
    return factor == 0 ? 1 : (float) (1 / factor);
  }

  private static float stretched(float stretch, float multiplier) {
    return stretch <= 1 ? 1 : 0.1f * multiplier * (float) Math.log(stretch) + 1;
  }

  /// As `rope`, for the layers with a sliding window, which have frequencies of their own.
  static RopeParameters ofWindow(RopeParameters rope, double base, float frequencyScale) {
    return new RopeParameters(
        rope.dimensions(),
        rope.mode(),
        rope.originalContext(),
        (float) base,
        frequencyScale,
        rope.extrapolation(),
        rope.magnitude(),
        rope.betaFast(),
        rope.betaSlow());
  }

  /// As `rope`, with another part of each head rotated.
  static RopeParameters rotating(RopeParameters rope, int dimensions) {
    return new RopeParameters(
        dimensions,
        rope.mode(),
        rope.originalContext(),
        rope.frequencyBase(),
        rope.frequencyScale(),
        rope.extrapolation(),
        rope.magnitude(),
        rope.betaFast(),
        rope.betaSlow());
  }

  /// As `rope`, unscaled.
  static RopeParameters unscaled(RopeParameters rope) {
    return new RopeParameters(
        rope.dimensions(),
        rope.mode(),
        rope.originalContext(),
        rope.frequencyBase(),
        1,
        0,
        1,
        rope.betaFast(),
        rope.betaSlow());
  }
}
