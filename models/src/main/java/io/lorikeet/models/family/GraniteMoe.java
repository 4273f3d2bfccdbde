package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;

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
  Set<Form> forms() {
    return EnumSet.of(Form.EXPERTS);
  }

  @Override
  public Experts experts(ModelKeys keys) {
    keys.positive("expert_count");
    return softMaxExperts(keys, "feed_forward_length", true)
        .withShared(keys.count("expert_shared_feed_forward_length"));
  }

  @Override
  public void layerTensors(TensorList list, LayerConfig layer, int width, Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
    if (experts.sharedWidth() > 0) {
      sharedTensors(list, experts, width);
    }
  }
}
