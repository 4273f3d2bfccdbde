package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Ops.RopeParameters;
import io.lorikeet.quant.InvalidInputException;
import java.util.List;

/// Rotary position embedding as llama.cpp derives it from metadata (`llama-model.cpp`,
/// `llama-context.cpp`).
final class RopeMetadata {
  private static final int NORMAL_MODE = 0;
  private static final List<String> SCALINGS = List.of("none", "linear", "yarn", "longrope");

  private RopeMetadata() {}

  static RopeParameters read(ModelConfig.Keys keys, int headSize, int context) {
    String scaling = keys.string("rope.scaling.type", "linear");
    if (!SCALINGS.contains(scaling)) {
      throw new InvalidInputException(
          "%s scales RoPE by '%s'; known are %s"
              .formatted(keys.base().path(), scaling, String.join(", ", SCALINGS)));
    }
    keys.requireEqual("rope.dimension_count", headSize);
    double factor = keys.real("rope.scaling.factor", keys.real("rope.scale_linear", 0));
    float frequencyScale = factor == 0 || scaling.equals("none") ? 1 : (float) (1 / factor);
    float magnitude = (float) keys.real("rope.scaling.attn_factor", 1);
    boolean yarn = scaling.equals("yarn");
    if (yarn) {
      // ggml multiplies by 1 + 0.1 ln(factor) itself; llama.cpp takes that out again and puts its
      // own in.
      float stretch = 1 / frequencyScale;
      float own = stretch <= 1 ? 1 : 0.1f * (float) Math.log(stretch) + 1;
      magnitude *= own / (1 + 0.1f * (float) Math.log(stretch));
    }
    return new RopeParameters(
        headSize,
        NORMAL_MODE,
        keys.positive("rope.scaling.original_context_length", context),
        (float) keys.real("rope.freq_base", 10000),
        frequencyScale,
        yarn ? 1 : 0,
        magnitude,
        32,
        1);
  }
}
