package io.lorikeet.models.family;

import io.lorikeet.quant.GgufFile;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Which tensor of frequency factors a base uses: Llama 3's, or LongRoPE's for short or for long
/// contexts (`llama_model::get_rope_factors` in llama.cpp).
public final class RopeFactors {
  private static final String ALWAYS = "rope_freqs.weight";
  private static final String LONG = "rope_factors_long.weight";
  private static final String SHORT = "rope_factors_short.weight";

  /// As Gemma 4's files have it for frequencies that they leave out.
  private static final float INFINITE = 1e30f;

  private RopeFactors() {}

  /// The tensor for a run with this context, if the base has one.
  public static Optional<String> choose(GgufFile base, ModelConfig config, int context) {
    LayerConfig layer = rotated(config.layerConfigs()).orElse(null);
    if (layer == null) {
      return Optional.empty();
    }
    if (base.tensor(ALWAYS).isPresent()) {
      return Optional.of(ALWAYS);
    }
    String name = context > layer.rope().orElseThrow().originalContext() ? LONG : SHORT;
    return base.tensor(name).map(tensor -> name);
  }

  /// Divisors of the frequencies by which some pairs stand still: infinite, as far as positions go.
  ///
  /// @param pairs rotated of each head
  public static float[] standingStill(List<Integer> still, int pairs) {
    float[] factors = new float[pairs];
    Arrays.fill(factors, 1);
    still.forEach(pair -> factors[pair] = INFINITE);
    return factors;
  }

  /// A layer whose frequencies the factors divide.
  static Optional<LayerConfig> rotated(List<LayerConfig> layers) {
    return layers.stream()
        .filter(layer -> layer.ropeFactors() && layer.rope().isPresent())
        .findFirst();
  }
}
