package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.ExpertOps;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.HashMap;
import java.util.Map;

/// Products of tokens with the matrices of the experts they go through, and their gradients. Number
/// formats are as in [GgmlKernels].
///
/// For backward through frozen matrices those of all experts are dequantized and transposed at
/// once, in BF16, into scratch memory.
final class ExpertProducts {
  private final Ops ops;
  private final ExpertOps expertOps;
  private final GgmlKernels ggml;
  private final Kernels kernels;
  private final boolean exact;
  private final Tensor rowNumbers;
  private final Map<Tensor, Tensor> dequantized = new HashMap<>();
  private final Map<Tensor, Tensor> transposed = new HashMap<>();

  /// @param ggml converts the experts' matrices
  /// @param kernels computes sums of outer products
  /// @param exact as in [GgmlKernels]
  /// @param rowNumbers as in [GgmlKernels]
  ExpertProducts(Ops ops, GgmlKernels ggml, Kernels kernels, boolean exact, Tensor rowNumbers) {
    this.ops = ops;
    expertOps = new ExpertOps(ops);
    this.ggml = ggml;
    this.kernels = kernels;
    this.exact = exact;
    this.rowNumbers = rowNumbers;
  }

  ExpertOps ops() {
    return expertOps;
  }

  /// The `used` largest of each token's scores `[experts, t]`.
  ///
  /// @param identity F32 `[experts, experts]`, ones on its diagonal
  ExpertChoice choose(Tensor scores, int used, Tensor identity) {
    Tensor indices = ops.cont(expertOps.largest(scores, used));
    long all = indices.shape().elements();
    Tensor oneHot = ops.getRows(identity, ops.reshape(indices, Shape.of(all)));
    Shape shape = Shape.of(scores.shape().ne0(), used, scores.shape().ne1());
    return new ExpertChoice(indices, ops.reshape(oneHot, shape));
  }

  /// W x of frozen matrices `[k, n, experts]` and x `[k, 1 or used, t]`: `[n, used, t]`.
  Tensor frozen(Tensor weight, Tensor x, ExpertChoice choice) {
    if (!exact && weight.type() != TensorType.F32) {
      return expertOps.mulMat(weight, x, choice.indices());
    }
    return product(dequantized.computeIfAbsent(weight, this::dequantize), x, choice);
  }

  /// The gradient of x, where dy `[n, used, t]` is that of W x.
  Tensor frozenBack(Tensor weight, Tensor x, Tensor dy, ExpertChoice choice) {
    Tensor matrices = transposed.computeIfAbsent(weight, w -> ggml.transposed(dequantize(w)));
    return toInput(expertOps.mulMat(matrices, dy, choice.indices()), x);
  }

  /// P x of F32 matrices `[k, n, experts]`.
  Tensor product(Tensor matrices, Tensor x, ExpertChoice choice) {
    return expertOps.mulMat(ggml.multiplied(matrices), x, choice.indices());
  }

  /// The gradient of x, where dy is that of P x.
  Tensor inputBack(Tensor matrices, Tensor x, Tensor dy, ExpertChoice choice) {
    return toInput(product(ops.cont(ops.transpose(matrices)), dy, choice), x);
  }

  /// The gradient of P `[k, n, experts]`, where dy `[n, used, t]` is that of P x: the sum of the
  /// outer products of x and dy over the tokens of each expert. One of the two is spread over the
  /// experts, zero but at its own, so that a single product sums them all.
  Tensor matricesBack(Tensor x, Tensor dy, ExpertChoice choice) {
    long inputs = x.shape().ne0();
    long outputs = dy.shape().ne0();
    long experts = choice.experts();
    if (outputs <= inputs) {
      boolean shared = x.shape().ne1() < choice.used();
      Tensor spread = spread(dy, choice);
      Tensor apart = shared ? sumOfUsed(ops, spread) : spread;
      Tensor flat = kernels.outer(matrix(x), matrix(apart));
      return ops.reshape(flat, Shape.of(inputs, outputs, experts));
    }
    Tensor each = repeatedFor(x, choice);
    Tensor flat = kernels.outer(matrix(spread(each, choice)), matrix(dy));
    Tensor byExpert = ops.reshape(flat, Shape.of(inputs, experts, outputs));
    return ops.cont(ops.permute(byExpert, 0, 2, 1, 3));
  }

  /// x `[m, used, t]` as `[m · experts, used, t]`, zero but at each token's experts.
  private Tensor spread(Tensor x, ExpertChoice choice) {
    long m = x.shape().ne0();
    long all = x.shape().ne1() * x.shape().ne2();
    Shape shape = Shape.of(m, choice.experts(), all);
    Tensor copies = ops.repeat(ops.reshape(x, Shape.of(m, 1, all)), shape);
    Tensor at = ops.reshape(choice.oneHot(), Shape.of(1, choice.experts(), all));
    Shape flat = Shape.of(m * choice.experts(), x.shape().ne1(), x.shape().ne2());
    return ops.reshape(ops.mul(copies, at), flat);
  }

  private Tensor repeatedFor(Tensor x, ExpertChoice choice) {
    Shape s = x.shape();
    return s.ne1() == choice.used() ? x : ops.repeat(x, Shape.of(s.ne0(), choice.used(), s.ne2()));
  }

  /// `[m, u, t]` as `[m, u · t]`.
  private Tensor matrix(Tensor x) {
    return ops.reshape(x, Shape.of(x.shape().ne0(), x.shape().ne1() * x.shape().ne2()));
  }

  /// The gradient `[k, used, t]` of each use of x, summed where all experts share x `[k, 1, t]`.
  private Tensor toInput(Tensor gradient, Tensor x) {
    return x.shape().equals(gradient.shape())
        ? gradient
        : ops.reshape(sumOfUsed(ops, gradient), x.shape());
  }

  /// The sum over ne1 of x `[n, used, t]`, in llama.cpp's order: `[n, t]`.
  static Tensor sumOfUsed(Ops ops, Tensor x) {
    Shape s = x.shape();
    Shape each = Shape.of(s.ne0(), 1, s.ne2());
    Tensor sum = ops.cont(ops.view(x, each, 0));
    for (int i = 1; i < s.ne1(); i++) {
      sum = ops.add(sum, ops.view(x, each, i * x.stride(1)));
    }
    return ops.reshape(sum, Shape.of(s.ne0(), s.ne2()));
  }

  private Tensor dequantize(Tensor weight) {
    if (weight.type() == TensorType.F32) {
      return weight;
    }
    Shape s = weight.shape();
    Tensor rows = ops.reshape(weight, Shape.of(s.ne0(), s.ne1() * s.ne2()));
    Tensor all = ops.view(rowNumbers, Shape.of(s.ne1() * s.ne2()), 0);
    return ops.reshape(ops.getRows(rows, all), s);
  }
}
