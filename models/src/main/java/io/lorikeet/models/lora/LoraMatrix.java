package io.lorikeet.models.lora;

import io.lorikeet.bindings.Shape;

/// A trained matrix of an adapter.
///
/// @param name its tensor in a file, such as `blk.0.attn_q.weight.lora_a`
/// @param shape as the file has it
/// @param values row after row
public record LoraMatrix(String name, Shape shape, float[] values) {
  /// Ends of the names of A and of B.
  public static final String SUFFIX_A = ".lora_a";

  /// See [#SUFFIX_A].
  public static final String SUFFIX_B = ".lora_b";

  /// A matrix in the flat vectors of [LoraParameters].
  ///
  /// @param name its tensor in a file
  /// @param offset index of its first element
  public record MatrixPlace(String name, Shape shape, long offset) {}

  /// The lengths of a matrix, or of several of one shape, as a file has them.
  public static long[] lengths(Shape shape) {
    return shape.ne2() == 1
        ? new long[] {shape.ne0(), shape.ne1()}
        : new long[] {shape.ne0(), shape.ne1(), shape.ne2()};
  }

  /// Elements of a row.
  public int rowLength() {
    return Math.toIntExact(shape.ne0());
  }
}
