package io.lorikeet.models.testing;

import io.lorikeet.models.lora.LoraPair;

/// A [LoraPair] in `double`, laid out like it; also the gradient of one.
///
/// @param baseTensor name of the adapted weight
/// @param rank rank of the product
/// @param a A, ne `[inputs, rank]` (for `token_embd.weight`: `[rank, inputs]`)
/// @param b B, ne `[rank, outputs]`
public record ReferencePair(String baseTensor, int rank, double[] a, double[] b) {

  public static ReferencePair of(LoraPair pair) {
    return new ReferencePair(pair.baseTensor(), pair.rank(), widen(pair.a()), widen(pair.b()));
  }

  /// A pair of the same shapes, all zero.
  ReferencePair zeros() {
    return new ReferencePair(baseTensor, rank, new double[a.length], new double[b.length]);
  }

  /// This pair, moved along another of its shapes.
  public ReferencePair moved(ReferencePair by, double step) {
    ReferencePair moved = new ReferencePair(baseTensor, rank, a.clone(), b.clone());
    ReferenceMath.addScaled(moved.a, 0, step, by.a, 0, a.length);
    ReferenceMath.addScaled(moved.b, 0, step, by.b, 0, b.length);
    return moved;
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }
}
