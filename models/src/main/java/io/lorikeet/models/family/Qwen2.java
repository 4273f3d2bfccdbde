package io.lorikeet.models.family;

/// Qwen 2 and 2.5: biases of queries, keys and values.
sealed class Qwen2 extends Family permits Qwen2Vl {
  Qwen2() {
    this("qwen2", "Qwen 2.5 0.5B to 72B, DeepSeek R1 Distill Qwen", "biases of q, k and v");
  }

  Qwen2(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
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
