package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;

/// Operations of a mixture of experts: choosing, and products with the chosen matrices.
public final class ExpertOps {
  /// `GGML_SORT_ORDER_DESC`.
  private static final int DESCENDING = 1;

  private final Ops ops;

  public ExpertOps(Ops ops) {
    this.ops = ops;
  }

  /// The indices of the `count` largest elements of each row of x `[n, t]`, largest first: I32
  /// `[count, t]`, a view of more.
  public Tensor largest(Tensor x, int count) {
    ops.requireContiguousF32("argsort", x);
    ops.require(count >= 1 && count <= x.shape().ne0(), "top " + count, x);
    Tensor order = ops.made(Ggml.ggml_argsort(ops.context(), x.handle(), DESCENDING));
    return ops.view(order, Shape.of(count, x.shape().ne1()), 0);
  }

  /// Products of each token with its experts' matrices.
  ///
  /// @param matrices `[k, n, experts]` of any type
  /// @param x F32 `[k, 1, t]`, or `[k, used, t]` with an input of its own for each of a token's
  ///     experts
  /// @param chosen I32 `[used, t]`
  /// @return `[n, used, t]`
  public Tensor mulMat(Tensor matrices, Tensor x, Tensor chosen) {
    Shape a = matrices.shape();
    Shape b = x.shape();
    Shape ids = chosen.shape();
    ops.requireF32("mul_mat_id", x);
    ops.require(
        chosen.type() == TensorType.I32
            && Ops.holdsReals(matrices)
            && Ops.hasDenseRows(matrices)
            && Ops.hasDenseRows(x)
            && a.ne0() == b.ne0()
            && a.ne3() == 1
            && b.ne3() == 1
            && (b.ne1() == 1 || b.ne1() == ids.ne0())
            && b.ne2() == ids.ne1()
            && ids.ne2() == 1
            && ids.ne3() == 1,
        "mul_mat_id",
        matrices,
        x,
        chosen);
    return ops.made(
        Ggml.ggml_mul_mat_id(ops.context(), matrices.handle(), x.handle(), chosen.handle()));
  }

  /// x `[n, used, t]` plus the bias of each token's experts.
  ///
  /// @param biases F32 `[n, experts]`
  /// @param chosen I32 `[used, t]`
  public Tensor addBias(Tensor x, Tensor biases, Tensor chosen) {
    ops.requireContiguousF32("add_id", x, biases);
    ops.require(
        chosen.type() == TensorType.I32
            && biases.shape().ne0() == x.shape().ne0()
            && biases.shape().ne2() == 1
            && chosen.shape().ne0() == x.shape().ne1()
            && chosen.shape().ne1() == x.shape().ne2(),
        "add_id",
        x,
        biases,
        chosen);
    return ops.made(Ggml.ggml_add_id(ops.context(), x.handle(), biases.handle(), chosen.handle()));
  }
}
