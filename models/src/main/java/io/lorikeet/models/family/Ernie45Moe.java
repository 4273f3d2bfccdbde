package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// ERNIE 4.5's mixtures of experts: [Ernie45] with experts in all but the first layers. They are
/// chosen by the softmax over all plus a bias for each, which has no part in their weights, and the
/// weights of the chosen ones sum to 1. Every token goes through a shared part, too.
final class Ernie45Moe extends Ernie45 {
  Ernie45Moe() {
    super("ernie4_5-moe", "ERNIE 4.5 21B-A3B", "experts and a shared one, dense layers first");
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.allOf(FeedForwardForm.class);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  /// 0 in layers with experts.
  @Override
  int feedForward(ModelKeys keys, int index) {
    return index < keys.count("leading_dense_block_count") ? super.feedForward(keys, index) : 0;
  }

  @Override
  public Experts experts(ModelKeys keys) {
    keys.requireEqual("interleave_moe_layer_step", 1, "experts in every layer behind the first");
    return requireSoftMaxExperts(keys, "expert_feed_forward_length", true)
        .withShared(keys.count("expert_shared_feed_forward_length"));
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, layer.feedForward() > 0 ? null : experts);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    list.optionalVector("exp_probs_b.bias", experts.count());
  }
}
