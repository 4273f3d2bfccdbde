package io.lorikeet.models.family;

/// Qwen 3: norms of each head's query and key.
sealed class Qwen3 extends Family permits Qwen3Vl {
  Qwen3() {
    this("qwen3", "Qwen 3 0.6B to 32B", "norms of queries and keys");
  }

  Qwen3(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
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
