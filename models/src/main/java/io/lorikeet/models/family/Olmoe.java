package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// OLMoE: norms of all queries together and of all keys; the experts' weights aren't normalized.
final class Olmoe extends Family {
  Olmoe() {
    super("olmoe", "OLMoE 1B-7B", "norms of queries and keys; experts");
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
    return softMaxExperts(keys, "feed_forward_length", false);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    list.frozen("attn_q_norm.weight", layer.queryWidth());
    list.frozen("attn_k_norm.weight", layer.keyValueWidth());
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen("output_norm.weight", width);
    list.matrix("output", width, vocabulary);
  }
}
