package io.lorikeet.models.family;

/// Qwen 3 VL (text): [Qwen3] whose heads are rotated by sections, see [RopeSections]. With those of
/// the published models, 24, 20 and 20, two of 64 pairs stand still in llama.cpp; transformers
/// turns them by the token's position. They are among the slowest: in 30,000 tokens they would turn
/// by a hundredth.
///
/// Images alone add to the first layers (deepstack, `n_deepstack_layers`); text adds 0 there. The
/// part for images is a file of its own and stays as it is.
final class Qwen3Vl extends Qwen3 {
  Qwen3Vl() {
    super(
        "qwen3vl",
        "Qwen 3 VL 2B to 32B (text)",
        "norms of queries and keys; rotated by sections in turns");
  }

  @Override
  RopeSections sections() {
    return RopeSections.INTERLEAVED;
  }
}
