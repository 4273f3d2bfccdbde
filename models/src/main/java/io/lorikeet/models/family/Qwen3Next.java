package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// Qwen3-Next: [Qwen35Moe] with plain positions, value heads that follow each other by key head,
/// and one matrix for beta and alpha. `ssm_ba` gives for each key head the betas of its value
/// heads, and after them their alphas.
final class Qwen3Next extends Qwen35Moe {
  Qwen3Next() {
    super(
        "qwen3next",
        "Qwen3-Next 80B-A3B",
        "gated delta nets, gated attention; experts and a gated shared one");
  }

  @Override
  @Nullable RopeSections sections() {
    return null;
  }

  @Override
  boolean groupsValueHeads() {
    return true;
  }

  @Override
  int sharedWidth(ModelKeys keys) {
    int width = keys.count("expert_shared_feed_forward_length");
    return width == 0 ? keys.ofLayer("feed_forward_length", 0, 0) : width;
  }

  @Override
  void betaTensors(TensorList list, DeltaNetConfig net, int width) {
    list.matrix("ssm_ba", width, 2L * net.valueHeads());
    list.unusable(
        "ssm_in.weight",
        "has queries, keys, values and their gate in one matrix, as old conversions do; convert the model again");
  }
}
