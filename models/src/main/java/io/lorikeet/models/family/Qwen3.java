package io.lorikeet.models.family;

/// Qwen 3: norms of each head's query and key.
final class Qwen3 extends Family {
  Qwen3() {
    super("qwen3", "Qwen 3 0.6B to 32B", "norms of queries and keys");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    headNorms(list, layer);
  }
}
