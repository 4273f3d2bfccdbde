package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;

/// Qwen 1.5's and 2's mixtures of experts: biases of queries, keys and values, and experts weighted
/// by their shares of the softmax over all. Every token goes through a part behind a gate, too:
/// experts(x) + sigmoid(ffn_gate_inp_shexp · x) · shared(x).
final class Qwen2Moe extends Family {
  Qwen2Moe() {
    super(
        "qwen2moe",
        "Qwen 1.5 MoE A2.7B, Qwen 2 57B-A14B",
        "biases of q, k and v; experts and a gated shared one");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  /// Where the metadata doesn't tell them, the widths follow from the dense one.
  @Override
  public Experts experts(ModelKeys keys) {
    int dense = keys.ofLayer("feed_forward_length", 0, 0);
    int width = keys.count("expert_feed_forward_length");
    int shared = keys.count("expert_shared_feed_forward_length");
    return new Experts(
        keys.positive("expert_count"),
        keys.positive("expert_used_count"),
        width > 0 ? width : dense / keys.positive("expert_used_count"),
        shared > 0 ? shared : dense,
        Experts.Gating.SOFTMAX,
        false);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    list.frozen("ffn_gate_inp_shexp.weight", width);
  }
}
