package io.lorikeet.bindings;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The operations of one graph that are computed in different ways: by several of ggml's
/// operations, or by a [KernelLibrary]. Tensors are F32 unless said otherwise.
public interface Kernels {
  /// A product `[n, t]` that is part of a sum.
  ///
  /// @param kind how the two are multiplied
  /// @param a a frozen weight of any type, or a small matrix
  /// @param b `[k, t]`
  record Term(ProductKind kind, Tensor a, Tensor b) {}

  /// How the matrices of a [Term] are multiplied.
  enum ProductKind {
    /// W `[k, n]` times b.
    FROZEN,
    /// The transpose of W `[n, k]` times b.
    FROZEN_TRANSPOSED,
    /// a `[k, n]` times b.
    SMALL,
    /// The transpose of a `[n, k]` times b.
    SMALL_TRANSPOSED
  }

  /// The sum of products of one shape, `[n, t]`.
  Tensor sum(List<Term> terms);

  /// Schedules the sum of a few products, written into y `[n, t]`: operations on y that come later
  /// see it there.
  void sumInto(List<Term> terms, Tensor y);

  /// The product of two activations or small matrices, as [Ops#mulMat]: a `[k, n, …]`, b
  /// `[k, m, …]` give `[n, m, …]`. Each is an [#operand].
  Tensor product(Tensor a, Tensor b);

  /// A trained matrix a `[k, n]` times b `[k, t]`: `[n, t]`.
  default Tensor smallProduct(Tensor a, Tensor b) {
    return product(operand(a), operand(b));
  }

  /// As [#product], with the second and third dimension of the result swapped, so that a token's
  /// values lie together: `[n, …, m]`.
  Tensor productByToken(Tensor a, Tensor b);

  /// Schedules the product of [#productByToken] with its result in another tensor.
  ///
  /// @param y in its shape
  /// @param add whether to add to what y holds
  void productByTokenInto(Tensor a, Tensor b, Tensor y, boolean add);

  /// The sum over tokens of the outer products of x `[m, t]` and y `[p, t]`: `[m, p]`.
  Tensor outer(Tensor x, Tensor y);

  /// Schedules the sum over tokens of [#outer] to be added to `sum` `[m, p]`, or returns it where
  /// that can't be.
  Optional<Tensor> outerInto(Tensor x, Tensor y, Tensor sum);

  /// An activation or small matrix in the type that it is multiplied in, converted once.
  Tensor operand(Tensor x);

  /// Contiguous factor · x, as an operand of products.
  ///
  /// @param x with dense rows
  Tensor packedOperand(Tensor x, float factor);

  /// Whether products take operands of any strides; else such are best copied once.
  boolean takesStrides();

  /// Whether trained matrices that take the same input are best multiplied with it as one; the
  /// parts of the result are multiplied as they lie then.
  boolean joinsSmallProducts();

  /// The attention of one layer.
  AttentionKernel attention(AttentionKernel.AttentionForm form);

  /// The gradients of silu(gate) · up with respect to gate and up.
  record SwigluGradients(Tensor gate, Tensor up) {}

  /// The gradients of silu(gate) · up, where dy is that of the result. All are of one shape, gate
  /// and up contiguous.
  SwigluGradients swigluBack(Tensor dy, Tensor gate, Tensor up);

  /// gain `[n]` times x `[n, …]` over the root mean square of each row.
  ///
  /// @param gain null for none
  Tensor rmsNorm(Tensor x, @Nullable Tensor gain, float epsilon);

  /// The gradient of x for [#rmsNorm].
  Tensor rmsNormBack(Tensor dy, Tensor x, @Nullable Tensor gain, float epsilon);

  /// The tokens that logits are compared with.
  ///
  /// @param labels I32 `[t]`: the right tokens
  /// @param flatLabels I32 `[t]`: where they stand in the logits as one long vector
  /// @param weights `[t]`; a placeholder is left as it is
  record Targets(Tensor labels, Tensor flatLabels, Tensor weights) {}

  /// The losses of tokens, and where their weighted sum comes from.
  ///
  /// @param each `[t]`: that of each token, without its weight; of any value where the weight is 0
  /// @param gradient of the logits; null where it isn't wanted
  record Loss(Tensor each, @Nullable Tensor gradient) {}

  /// Schedules the cross-entropy of each token, `-log softmax(logits)[label]`.
  ///
  /// @param logits `[vocabulary, t]`, contiguous
  /// @param gradient whether the gradient of the logits is wanted, weight · (softmax(logits) -
  ///     onehot(label)); it may take the place of the logits
  /// @param keepsLogits whether the logits are read later on, so that nothing may take their place
  Loss crossEntropy(Tensor logits, Targets targets, boolean gradient, boolean keepsLogits);
}
