package io.lorikeet.models.lora;

import io.lorikeet.bindings.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

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

  /// Whether llama.cpp wants A of this weight's pair as ne `[rank, vocabulary]`: it looks rows of
  /// it up by token.
  public static boolean isFlipped(String baseTensor) {
    return baseTensor.endsWith(LoraTargets.EMBEDDING);
  }

  /// The shape of A.
  static Shape shapeOfA(String baseTensor, int inputs, int rank, int experts) {
    return isFlipped(baseTensor) ? Shape.of(rank, inputs) : Shape.of(inputs, rank, experts);
  }

  /// All its matrices, in the order of a file.
  public List<LoraMatrix> matrices() {
    return List.of(
        new LoraMatrix(
            baseTensor + LoraMatrix.SUFFIX_A, shapeOfA(baseTensor, inputs, rank, experts), a),
        new LoraMatrix(baseTensor + LoraMatrix.SUFFIX_B, Shape.of(rank, outputs, experts), b));
  }

  /// Whether all its matrices hold the very numbers of another's.
  public boolean hasMatricesOf(LoraPair other) {
    return Arrays.equals(a, other.a) && Arrays.equals(b, other.b);
  }

  /// The same with other values in its matrices.
  public LoraPair with(Function<LoraMatrix, float[]> values) {
    List<float[]> all = matrices().stream().map(values).toList();
    return new LoraPair(baseTensor, inputs, outputs, rank, experts, all.getFirst(), all.getLast());
  }

  /// Parameters of all matrices.
  public long parameters() {
    return matrices().stream().mapToLong(matrix -> matrix.values().length).sum();
  }
}
