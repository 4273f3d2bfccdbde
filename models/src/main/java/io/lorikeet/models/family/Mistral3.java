package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Mistral's and Ministral's third generation: queries that grow with their position, YaRN with its
/// settings in the metadata.
final class Mistral3 extends Family {
  Mistral3() {
    super("mistral3", "Ministral 3 3B to 14B", "queries scaled by position, YaRN's own settings");
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
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

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.DENSE, FeedForwardForm.EXPERTS);
  }

  @Override
  public @Nullable Experts experts(ModelKeys keys) {
    return softMaxExperts(keys, "feed_forward_length", true);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
  }
}
