package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Granite 4.0's hybrids, dense or with experts: state spaces in most layers, Granite's factors
/// everywhere. The layers with heads of keys attend, without position embedding as a rule.
final class GraniteHybrid extends Family {
  GraniteHybrid() {
    super(
        "granitehybrid",
        "Granite 4.0 H micro, tiny and small",
        "state spaces (Mamba-2), Granite's factors; dense, or experts and perhaps a shared one");
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    keys.requireEqual("ssm.inner_size", 2 * keys.embedding(), "twice the embedding");
    if (!keys.attends(index)) {
      return LayerConfig.carrying(Mamba2Config.of(keys), feedForward(keys, index));
    }
    LayerConfig layer = super.layer(keys, index);
    return keys.flag("rope.scaling.finetuned", true) ? layer : layer.withoutRope();
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
    return EnumSet.allOf(FeedForwardForm.class);
  }

  @Override
  public @Nullable Experts experts(ModelKeys keys) {
    Experts experts = softMaxExperts(keys, "feed_forward_length", true);
    return experts == null
        ? null
        : experts.withShared(keys.count("expert_shared_feed_forward_length"));
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.state().orElse(null) instanceof Mamba2Config space) {
      space.tensors(list, width);
    } else {
      super.attentionTensors(list, layer, width);
    }
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    if (experts.sharedWidth() > 0) {
      sharedTensors(list, experts, width);
    }
  }
}
