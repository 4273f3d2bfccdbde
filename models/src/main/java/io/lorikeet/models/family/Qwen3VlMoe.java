package io.lorikeet.models.family;

/// Qwen 3 VL with experts (text): [Qwen3Moe] with the rotation of [Qwen3Vl].
final class Qwen3VlMoe extends Qwen3Moe {
  Qwen3VlMoe() {
    super(
        "qwen3vlmoe",
        "Qwen 3 VL 30B-A3B (text)",
        "norms of queries and keys; experts, weights normalized; rotated by sections in turns");
  }

  @Override
  RopeSections sections() {
    return RopeSections.INTERLEAVED;
  }
}
