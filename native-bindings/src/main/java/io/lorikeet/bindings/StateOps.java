package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;

/// Operations for layers that carry a state along a row; their tensors are F32 and contiguous.
public final class StateOps {
  private final Ops ops;

  public StateOps(Ops ops) {
    this.ops = ops;
  }

  /// X in A X = B.
  ///
  /// @param a lower triangular, `[n, n, p, q]` with ne0 for columns; what is above the diagonal
  ///     isn't read, and the diagonal holds no zeros
  /// @param b `[m, n, p, q]`
  /// @return `[m, n, p, q]`
  public Tensor solveLower(Tensor a, Tensor b) {
    Shape left = a.shape();
    Shape right = b.shape();
    ops.requireContiguousF32("solve_tri", a, b);
    ops.require(
        left.ne0() == left.ne1()
            && left.ne1() == right.ne1()
            && left.ne2() == right.ne2()
            && left.ne3() == right.ne3(),
        "solve_tri",
        a,
        b);
    return ops.made(Ggml.ggml_solve_tri(ops.context(), a.handle(), b.handle(), true, true, false));
  }

  /// `[n, t, …]` with `before` columns of zeros in front along ne1, and `after` behind.
  public Tensor padColumns(Tensor x, int before, int after) {
    ops.requireContiguousF32("pad", x);
    ops.require(before >= 0 && after >= 0, "pad", x);
    return ops.made(Ggml.ggml_pad_ext(ops.context(), x.handle(), 0, 0, before, after, 0, 0, 0, 0));
  }
}
