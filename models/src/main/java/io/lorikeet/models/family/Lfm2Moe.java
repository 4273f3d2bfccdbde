package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// LFM2 with experts: [Lfm2] with a mixture of experts in all but the first layers. Experts are
/// weighted by sigmoids, which sum to 1 for each token. They are chosen by the same sigmoids plus a
/// bias for each expert.
final class Lfm2Moe extends Lfm2 {
  /// `LLAMA_EXPERT_GATING_FUNC_TYPE_SIGMOID`.
  private static final int SIGMOID = 2;

  Lfm2Moe() {
    super(
        "lfm2moe",
        "LFM2 and LFM2.5 8B-A1B",
        "gated short convolutions; experts by sigmoids, dense layers first");
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.allOf(FeedForwardForm.class);
  }

  /// 0 in layers with experts.
  @Override
  int feedForward(ModelKeys keys, int index) {
    return index < keys.count("leading_dense_block_count") ? super.feedForward(keys, index) : 0;
  }

  @Override
  public Experts experts(ModelKeys keys) {
    keys.requireEqual("expert_gating_func", SIGMOID, "the sigmoid");
    return new Experts(
        keys.positive("expert_count"),
        keys.positive("expert_used_count"),
        keys.ofLayer("expert_feed_forward_length", 0, 0),
        0,
        Experts.Gating.SIGMOID,
        true);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, layer.feedForward() > 0 ? null : experts);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    list.frozen("exp_probs_b.bias", experts.count());
  }
}
