package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Activations;
import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.RopeOps;
import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.function.Predicate;

/// The gradients for which ggml has operations of its own. Not every backend has those (Metal has
/// none): there they are put together from element-wise operations and sums.
final class BackwardOps {
  private static final int NEIGHBOURS = 0;

  private final Ops ops;
  private final Predicate<Tensor> supported;

  BackwardOps(Ops ops, Backend backend) {
    this(ops, backend::supports);
  }

  /// @param supported whether an operation of ggml's may be used
  BackwardOps(Ops ops, Predicate<Tensor> supported) {
    this.ops = ops;
    this.supported = supported;
  }

  /// [Ops#siluBack]: dy σ (1 + x - silu(x)), since silu(x) = x σ.
  Tensor siluBack(Tensor dy, Tensor x) {
    Tensor single = ops.siluBack(dy, x);
    if (supported.test(single)) {
      return single;
    }
    Tensor rest = ops.scaleAndAdd(ops.sub(x, ops.silu(x)), 1, 1);
    return ops.mul(dy, ops.mul(new Activations(ops).sigmoid(x), rest));
  }

  /// [Ops#rmsNormBack]: (dy - n mean(n dy)) / rms, with n = x / rms.
  Tensor rmsNormBack(Tensor dy, Tensor x, float epsilon) {
    Tensor single = ops.rmsNormBack(dy, x, epsilon);
    if (supported.test(single)) {
      return single;
    }
    float share = 1f / x.shape().ne0();
    Tensor normed = ops.rmsNorm(x, epsilon);
    Tensor mean = ops.scale(ops.sumRows(ops.mul(normed, dy)), share);
    Tensor square = ops.scaleAndAdd(ops.sumRows(ops.square(x)), share, epsilon);
    return ops.div(ops.sub(dy, ops.mul(normed, mean)), ops.squareRoot(square));
  }

  /// [Ops#softMaxBack]: scale y (dy - Σ y dy).
  Tensor softMaxBack(Tensor dy, Tensor y, float scale) {
    Tensor single = ops.softMaxBack(dy, y, scale);
    if (supported.test(single)) {
      return single;
    }
    Tensor sum = ops.sumRows(ops.mul(y, dy));
    return ops.scale(ops.mul(y, ops.sub(dy, sum)), scale);
  }

  /// [RopeOps#back]: the rotation by the opposite angle, which is the rotation between two
  /// reflections.
  Tensor ropeBack(Tensor dy, Tensor positions, Tensor factors, RopeParameters parameters) {
    RopeOps ropeOps = new RopeOps(ops);
    Tensor single = ropeOps.back(dy, positions, factors, parameters);
    if (supported.test(single)) {
      return single;
    }
    Tensor reflected = reflected(dy, parameters);
    return reflected(ropeOps.rope(reflected, positions, factors, parameters), parameters);
  }

  /// x `[head size, heads, t]` with the second element of each rotated pair negated.
  private Tensor reflected(Tensor x, RopeParameters parameters) {
    int half = parameters.dimensions() / 2;
    if (parameters.mode() == NEIGHBOURS) {
      Tensor pairs = ops.reshape(contiguous(x), Shape.of(2, x.shape().elements() / 2));
      return ops.reshape(negated(pairs, 1, 1), x.shape());
    }
    return negated(x, half, half);
  }

  /// x with `count` elements of each row negated, from `first` on.
  private Tensor negated(Tensor x, int first, int count) {
    int rest = Math.toIntExact(x.shape().ne0()) - first - count;
    Tensor result = ops.concat(slice(x, 0, first), ops.scale(slice(x, first, count), -1), 0);
    return rest == 0 ? result : ops.concat(result, slice(x, first + count, rest), 0);
  }

  private Tensor slice(Tensor x, int first, int count) {
    Shape s = x.shape();
    Shape part = new Shape(count, s.ne1(), s.ne2(), s.ne3());
    return ops.cont(ops.view(x, part, (long) first * Float.BYTES));
  }

  private Tensor contiguous(Tensor x) {
    return x.isContiguous() ? x : ops.cont(x);
  }
}
