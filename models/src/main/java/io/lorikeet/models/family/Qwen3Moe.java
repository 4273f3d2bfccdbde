package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Qwen 3's mixtures of experts: norms of each head's query and key.
sealed class Qwen3Moe extends Family permits Qwen3VlMoe {
  Qwen3Moe() {
    this(
        "qwen3moe",
        "Qwen3 30B-A3B, Qwen3 Coder 30B-A3B",
        "norms of queries and keys; experts, weights normalized");
  }

  Qwen3Moe(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
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
  public @Nullable Experts experts(ModelKeys keys) {
    keys.positive("expert_count");
    return softMaxExperts(keys, "expert_feed_forward_length", true);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    headNorms(list, layer);
  }
}
