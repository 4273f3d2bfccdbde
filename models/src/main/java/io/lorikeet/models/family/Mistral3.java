package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import org.jspecify.annotations.Nullable;

/// Mistral's and Ministral's third generation: queries that grow with their position, YaRN with its
/// settings in the metadata.
final class Mistral3 extends Llama {
  Mistral3() {
    super("mistral3", "Ministral 3 3B to 14B", "queries scaled by position, YaRN's own settings");
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    keys.requireEqual("rope.dimension_count", headSize, "the size of a head");
    return RopeMetadata.read(keys, ropeMode(), headSize, RopeMetadata.Yarn.read(keys));
  }

  @Override
  public @Nullable Temperature temperature(ModelKeys keys) {
    float scale = (float) keys.real("attention.temperature_scale", 0);
    int step = keys.positive("rope.scaling.original_context_length", keys.context());
    return scale == 0 ? null : new Temperature(scale, step);
  }
}
