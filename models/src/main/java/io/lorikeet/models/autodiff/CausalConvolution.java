package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.StateOps;
import io.lorikeet.bindings.Tensor;

/// A causal convolution of each channel over the last tokens of its example: y(t) = Σ w(s) · x(t -
/// s), without those x(t - s) that belong to another example (`ggml_ssm_conv`, which has no
/// boundaries within a row).
///
/// @param rows rows of the batch
/// @param context tokens of a row
/// @param kernel frozen F32 `[size, channels]`; the last weight of a channel is that of the token
///     itself
/// @param follows F32 `[rows · context, size - 1]`: column s - 1 holds 1 where a token's example
///     goes on for s more tokens, else 0
public record CausalConvolution(int rows, int context, Tensor kernel, Tensor follows) {

  Tensor forward(Ops ops, Tensor x) {
    Tensor all = byRow(ops, x);
    Tensor weights = weights(ops);
    Tensor sum = ops.mul(all, weight(ops, weights, 0));
    for (int s = 1; s < size(); s++) {
      Tensor earlier = shifted(ops, ops.mul(all, mask(ops, s)), s, -s);
      sum = ops.add(sum, ops.mul(earlier, weight(ops, weights, s)));
    }
    return ops.reshape(sum, x.shape());
  }

  /// The gradient of x, where dy `[channels, t]` is that of the result.
  Tensor backward(Ops ops, Tensor dy) {
    Tensor all = byRow(ops, dy);
    Tensor weights = weights(ops);
    Tensor sum = ops.mul(all, weight(ops, weights, 0));
    for (int s = 1; s < size(); s++) {
      Tensor later = ops.mul(shifted(ops, all, s, s), mask(ops, s));
      sum = ops.add(sum, ops.mul(later, weight(ops, weights, s)));
    }
    return ops.reshape(sum, dy.shape());
  }

  private int size() {
    return Math.toIntExact(kernel.shape().ne0());
  }

  /// `[channels, context, rows]`.
  private Tensor byRow(Ops ops, Tensor x) {
    return ops.reshape(x, Shape.of(x.shape().ne0(), context, rows));
  }

  /// At each token the column of x that stands `by` further on in its row, or zeros.
  ///
  /// @param room the most that a column is moved
  private Tensor shifted(Ops ops, Tensor x, int room, int by) {
    Tensor padded = new StateOps(ops).padColumns(x, by < 0 ? room : 0, by > 0 ? room : 0);
    return ops.view(padded, x.shape(), Math.max(0, by) * padded.stride(1));
  }

  /// `[channels, size]`.
  private Tensor weights(Ops ops) {
    return ops.cont(ops.transpose(kernel));
  }

  /// The weights `[channels]` of the tokens that lie s back.
  private Tensor weight(Ops ops, Tensor weights, int s) {
    Shape channels = Shape.of(weights.shape().ne0());
    return ops.view(weights, channels, (size() - 1 - s) * weights.stride(1));
  }

  /// `[1, context, rows]`.
  private Tensor mask(Ops ops, int s) {
    Shape tokens = Shape.of(1, context, rows);
    Tensor column = ops.view(follows, Shape.of((long) context * rows), (s - 1) * follows.stride(1));
    return ops.reshape(column, tokens);
  }
}
