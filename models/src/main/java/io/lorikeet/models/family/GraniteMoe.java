package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Granite 3's mixtures of experts: Granite's factors; perhaps a part that every token goes through
/// beside its experts.
final class GraniteMoe extends Family {
  GraniteMoe() {
    super(
        "granitemoe",
        "Granite 3.1 1B-A400M and 3B-A800M",
        "Granite's factors; experts, perhaps a shared one");
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return Granite.givenAttentionScale(keys);
  }

  @Override
  public Scales scales(ModelKeys keys) {
    return Granite.givenScales(keys);
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  public Experts experts(ModelKeys keys) {
    return requireSoftMaxExperts(keys, "feed_forward_length", true)
        .withShared(keys.count("expert_shared_feed_forward_length"));
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    if (experts.sharedWidth() > 0) {
      sharedTensors(list, experts, width);
    }
  }
}
