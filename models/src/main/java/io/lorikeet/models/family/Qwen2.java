package io.lorikeet.models.family;

/// Qwen 2 and 2.5: biases of queries, keys and values.
final class Qwen2 extends Family {
  Qwen2() {
    super("qwen2", "Qwen 2.5 0.5B to 72B, DeepSeek R1 Distill Qwen", "biases of q, k and v");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    super.outerTensors(list, width, vocabulary);
    list.optionalVector("output.bias", vocabulary);
  }
}
