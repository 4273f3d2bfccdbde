package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;

/// Qwen 3.5 and 3.6 with experts (text): [Qwen35] with a mixture of experts for its feed-forward
/// part, weighted by the softmax over all of them. Every token goes through a shared part, too,
/// which has a gate of its own: experts(x) + sigmoid(ffn_gate_inp_shexp · x) · shared(x).
sealed class Qwen35Moe extends Qwen35 permits Qwen3Next {
  Qwen35Moe() {
    this(
        "qwen35moe",
        "Qwen 3.5 and 3.6 35B-A3B (text)",
        "gated delta nets, gated attention; experts and a gated shared one");
  }

  Qwen35Moe(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  @Override
  int feedForward(ModelKeys keys, int index) {
    return keys.ofLayer("expert_feed_forward_length", index, 0);
  }

  @Override
  public Experts experts(ModelKeys keys) {
    return requireSoftMaxExperts(keys, "expert_feed_forward_length", true)
        .withShared(sharedWidth(keys));
  }

  /// Width of the part that every token goes through.
  int sharedWidth(ModelKeys keys) {
    return keys.positive("expert_shared_feed_forward_length");
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    list.frozen("ffn_gate_inp.weight", width, experts.count());
    expertMatrices(list, experts, width);
    list.frozen("ffn_gate_inp_shexp.weight", width);
    sharedTensors(list, experts, width);
  }
}
