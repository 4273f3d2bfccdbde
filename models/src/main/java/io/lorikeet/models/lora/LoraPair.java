package io.lorikeet.models.lora;

/// The two matrices that adapt one weight W of the base: W + scaling * B A.
///
/// @param baseTensor name of W in the base's GGUF, such as `blk.0.attn_q.weight`
/// @param inputs W's ne0 (for `token_embd.weight`, whose pair is flipped as llama.cpp wants it: the
///     vocabulary)
/// @param outputs W's ne1 (for `token_embd.weight`: the embedding length)
/// @param rank rank of the product
/// @param experts experts that W holds a matrix of each for, each with a pair of its own; 1 for
///     everything else
/// @param a A as the GGUF holds it, ne `[inputs, rank]` (flipped for `token_embd.weight`:
///     `[rank, inputs]`); ne `[inputs, rank, experts]` where there are several
/// @param b B as the GGUF holds it, ne `[rank, outputs]`, or `[rank, outputs, experts]`
public record LoraPair(
    String baseTensor, int inputs, int outputs, int rank, int experts, float[] a, float[] b) {

  public LoraPair {
    if (a.length != Math.multiplyExact(Math.multiplyExact(inputs, rank), experts)
        || b.length != Math.multiplyExact(Math.multiplyExact(rank, outputs), experts)) {
      throw new IllegalArgumentException(
          "the matrices of " + baseTensor + " don't have rank " + rank);
    }
  }

  /// A pair of a single matrix.
  public LoraPair(String baseTensor, int inputs, int outputs, int rank, float[] a, float[] b) {
    this(baseTensor, inputs, outputs, rank, 1, a, b);
  }

  /// Parameters of both matrices.
  public long parameters() {
    return (long) a.length + b.length;
  }
}
