package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Granite 4.0's hybrids, dense or with experts: state spaces in most layers, Granite's factors
/// everywhere. The layers with heads of keys attend, without position embedding as a rule.
final class GraniteHybrid extends Granite {
  GraniteHybrid() {
    super(
        "granitehybrid",
        "Granite 4.0 H micro, tiny and small",
        "state spaces (Mamba-2), Granite's factors; dense, or experts and perhaps a shared one");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    keys.requireEqual("ssm.inner_size", 2 * keys.embedding(), "twice the embedding");
    if (!keys.attends(index)) {
      return LayerConfig.carrying(Mamba2Config.of(keys), feedForward(keys, index));
    }
    return super.layer(keys, index);
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.allOf(FeedForwardForm.class);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  @Override
  public @Nullable Experts experts(ModelKeys keys) {
    Experts experts = softMaxExperts(keys, "feed_forward_length", true);
    return experts == null
        ? null
        : experts.withShared(keys.count("expert_shared_feed_forward_length"));
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.state().orElse(null) instanceof Mamba2Config space) {
      space.tensors(list, width);
    } else {
      super.attentionTensors(list, layer, width);
    }
  }
}
