package io.lorikeet.models.family;

/// Qwen 2 VL and 2.5 VL (text): [Qwen2] whose heads are rotated by sections, see [RopeSections].
/// The part for images is a file of its own and stays as it is.
///
/// llama.cpp doesn't read the epsilon of these models' norms: it computes with what is in memory
/// there, 0 as a rule. The file's is taken here. The published models' is 1e-6, against mean
/// squares of hidden states far above it.
final class Qwen2Vl extends Qwen2 {
  Qwen2Vl() {
    super(
        "qwen2vl",
        "Qwen 2 VL and 2.5 VL 3B to 72B (text)",
        "biases of q, k and v; rotated by sections");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    keys.requireEqual(
        "attention.key_length", keys.embedding() / layer.heads(), "the embedding's share");
    return layer;
  }

  /// llama.cpp adds no bias to this head, so a base that has one is refused.
  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen(outputNorm(), width);
    list.optionalMatrix("output", width, vocabulary);
  }

  @Override
  RopeSections sections() {
    return RopeSections.CONSECUTIVE;
  }
}
