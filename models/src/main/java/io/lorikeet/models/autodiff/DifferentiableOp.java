package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.bindings.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// An operation of a forward pass that gradients flow through; `y` is its result. One rule for each
/// stands in [GradientRules].
public sealed interface DifferentiableOp {

  /// The result.
  Tensor y();

  /// y = W x with a frozen weight.
  record FrozenProduct(Tensor weight, Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = W x + P z with a frozen weight and a trained matrix P.
  record AdaptedProduct(Tensor weight, Tensor x, Parameter parameter, Tensor z, Tensor y)
      implements DifferentiableOp {}

  /// y = P x with a trained matrix P.
  record TrainedProduct(Parameter parameter, Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = Q x, where the frozen weight Q holds the update scaling · B A already, rounded to Q's
  /// type. The product itself is a [FrozenProduct]; this is its gradient with respect to A and B,
  /// which goes straight through the rounding (arXiv 1308.3432).
  record FoldedUpdate(Parameter a, Parameter b, float scaling, Tensor x, Tensor y)
      implements DifferentiableOp {}

  /// y = rows of a trained matrix.
  record TrainedRows(Parameter parameter, Tensor indices, Tensor y) implements DifferentiableOp {}

  /// y = a tensor of another graph, whose gradient is summed like that of a trained matrix.
  record Borrowed(Parameter source, Tensor y) implements DifferentiableOp {}

  /// y, which other graphs read too: `gradient` is what flows back from them.
  record Lent(Tensor gradient, Tensor y) implements DifferentiableOp {}

  /// y = a + b, same shapes.
  record Add(Tensor a, Tensor b, Tensor y) implements DifferentiableOp {}

  /// y = x + bias, a frozen vector for every token, or one for each of its experts.
  record AddBias(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = factor · x.
  record Scale(Tensor x, float factor, Tensor y) implements DifferentiableOp {}

  /// y = x · mask, element by element, with a constant mask, which is repeated to x's shape:
  /// dropout, temperatures.
  record Mask(Tensor x, Tensor mask, Tensor y) implements DifferentiableOp {}

  /// y = gain · x / rms(x), with a frozen gain, or none (null).
  record RmsNorm(Tensor x, @Nullable Tensor gain, float epsilon, Tensor y)
      implements DifferentiableOp {}

  /// y = x rotated by its position.
  record RopeOp(
      Tensor x, Tensor positions, @Nullable Tensor factors, RopeParameters parameters, Tensor y)
      implements DifferentiableOp {}

  /// y = x in another shape.
  record Reshape(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = some elements of each row of x `[n, t]`, from `first` on.
  record SliceOp(Tensor x, int first, Tensor y) implements DifferentiableOp {}

  /// y = some elements of each row of x `[n, t]`, from `first` on, without a copy. Every element of
  /// x is in one such y.
  record PartOp(Tensor x, int first, Tensor y) implements DifferentiableOp {}

  /// y = cap · tanh(x / cap).
  record SoftCap(Tensor x, float cap, Tensor y) implements DifferentiableOp {}

  /// y = gelu(gate) · up.
  record GeGlu(Tensor gate, Tensor up, Tensor y) implements DifferentiableOp {}

  /// y = g · sigmoid(alpha · g) · (u + 1), where g is the gate, at most `limit`, and u is `up`
  /// between -limit and limit.
  record ClampedSwiGlu(Tensor gate, Tensor up, float alpha, float limit, Tensor y)
      implements DifferentiableOp {}

  /// y = silu(gate) · up.
  record SwiGlu(Tensor gate, Tensor up, Tensor y) implements DifferentiableOp {}

  /// y = relu(x - m - d · s), where m and s are the mean and the deviation of the row.
  record Peaks(Tensor x, float deviations, Tensor y) implements DifferentiableOp {}

  /// y `[n, t]` = rows of tensors `[…, t]` below each other.
  record Concat(List<Tensor> parts, Tensor y) implements DifferentiableOp {}

  /// y = relu(x)².
  record SquaredRelu(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = softmax(x) over ne0.
  record SoftMax(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y `[1, used, t]` = the chosen of x `[experts, t]`.
  record Pick(Tensor x, ExpertChoice choice, Tensor y) implements DifferentiableOp {}

  /// y = x over the sum of its row.
  record Normalize(Tensor x, Tensor sum, Tensor y) implements DifferentiableOp {}

  /// y `[n, used, t]` = W x with the frozen matrices of each token's experts.
  record FrozenExperts(Tensor weight, Tensor x, ExpertChoice choice, Tensor y)
      implements DifferentiableOp {}

  /// y `[n, used, t]` = P x with the trained matrices of each token's experts.
  record TrainedExperts(Parameter parameter, Tensor x, ExpertChoice choice, Tensor y)
      implements DifferentiableOp {}

  /// y `[n, t]` = the sum of x `[n, used, t]` over a token's experts with their weights `[1, used,
  /// t]`.
  record WeightedSum(Tensor x, Tensor weights, Tensor y) implements DifferentiableOp {}

  /// y = softmax(scale · q kᵀ) v over the keys that each query may see.
  record SelfAttention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y)
      implements DifferentiableOp {}

  /// y = a · b, element by element; b has a's shape or is repeated to it along ne0, `[1, …]`.
  record Multiply(Tensor a, Tensor b, Tensor y) implements DifferentiableOp {}

  /// y = e^x.
  record Exp(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = 1 / (1 + e^-x).
  record Sigmoid(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = ln(1 + e^x).
  record Softplus(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = x / (1 + e^-x).
  record Silu(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y `[n, m, …]` = the sums over ne0 of products of a `[k, n, …]` and b `[k, m, …]`.
  record Product(Tensor a, Tensor b, Tensor y) implements DifferentiableOp {}

  /// y = x with ne0 and ne1 swapped, without a copy.
  record Transpose(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = (I + x)⁻¹ for strictly lower triangular x.
  record UnitInverse(Tensor x, Tensor y) implements DifferentiableOp {}

  /// y = a causal convolution of each channel of x.
  record Convolution(Tensor x, CausalConvolution convolution, Tensor y)
      implements DifferentiableOp {}

  /// y = what queries read from a state that the gated delta rule, or a state space, writes.
  ///
  /// @param states the states before each chunk but the first
  record GatedDelta(DeltaNet.Inputs inputs, @Nullable Tensor states, DeltaNet net, Tensor y)
      implements DifferentiableOp {}
}
