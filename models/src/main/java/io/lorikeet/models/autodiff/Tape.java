package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Kernels.ProductKind;
import io.lorikeet.bindings.Kernels.Term;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.RopeOps;
import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.StateOps;
import io.lorikeet.bindings.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Builds the operations of a forward pass and remembers them for [#backward]. Activations are
/// `[features, tokens]`.
public final class Tape {
  /// Elements of which [#parts] are whole numbers: 16 bytes.
  public static final int PART = 4;

  /// The smallest normal number of F16.
  private static final float SMALLEST_SUM = 6.103515625e-5f;

  private final Ops ops;
  private final Curves curves;
  private final GraphKernels graphKernels;
  private final Kernels kernels;
  private final ExpertProducts experts;
  private final ParameterGradients parameterGradients;
  private final List<DifferentiableOp> record = new ArrayList<>();
  private final Map<Tensor, Tensor> gradients = new HashMap<>();
  private final Map<Tensor, List<Term>> productGradients = new HashMap<>();
  private final Map<Tensor, Map<Integer, Tensor>> partGradients = new HashMap<>();

  /// @param parameterGradients where the gradients of trained matrices are summed; shared by the
  ///     tapes of a graph
  public Tape(Ops ops, GraphKernels graphKernels, ParameterGradients parameterGradients) {
    this.ops = ops;
    curves = new Curves(ops);
    this.graphKernels = graphKernels;
    kernels = graphKernels.kernels();
    experts = graphKernels.experts();
    this.parameterGradients = parameterGradients;
  }

  public Ops ops() {
    return ops;
  }

  /// W x for a frozen weight `[k, n]` and x `[k, t]`: `[n, t]`.
  public Tensor frozenProduct(Tensor weight, Tensor x) {
    return frozenProduct(weight, x, null);
  }

  /// The same.
  ///
  /// @param saved the result of another graph or for it, or null
  public Tensor frozenProduct(Tensor weight, Tensor x, @Nullable SavedResult saved) {
    Tensor y = sum(List.of(new Term(ProductKind.FROZEN, weight, x)), saved);
    return note(new DifferentiableOp.FrozenProduct(weight, x, y));
  }

  /// W x + P z for a frozen weight `[k, n]` with x `[k, t]` and a trained matrix `[r, n]` with z
  /// `[r, t]`: `[n, t]`.
  ///
  /// @param saved the result of another graph or for it, or null
  public Tensor adaptedProduct(
      Tensor weight, Tensor x, Parameter parameter, Tensor z, @Nullable SavedResult saved) {
    List<Term> terms =
        List.of(
            new Term(ProductKind.FROZEN, weight, x),
            new Term(ProductKind.SMALL, parameter.value(), z));
    return note(new DifferentiableOp.AdaptedProduct(weight, x, parameter, z, sum(terms, saved)));
  }

  private Tensor sum(List<Term> terms, @Nullable SavedResult saved) {
    if (saved == null) {
      return kernels.sum(terms);
    }
    if (!saved.computed()) {
      kernels.sumInto(terms, saved.place());
    }
    return saved.place();
  }

  /// x, a result on the tape that one graph keeps for another.
  ///
  /// @param saved of its shape
  public Tensor kept(Tensor x, SavedResult saved) {
    if (!saved.computed()) {
      ops.schedule(ops.into(x, saved.place()));
    }
    return note(new DifferentiableOp.Reshape(x, saved.place()));
  }

  /// P x for a trained matrix `[k, n]` and x `[k, t]`: `[n, t]`.
  public Tensor trainedProduct(Parameter parameter, Tensor x) {
    return note(
        new DifferentiableOp.TrainedProduct(
            parameter, x, kernels.smallProduct(parameter.value(), x)));
  }

  /// y = W x, a result on the tape, for a weight W `[k, n]` that holds scaling · B A already,
  /// rounded to its type. The gradients of A and B are those of the update without rounding.
  public Tensor foldedUpdate(Parameter a, Parameter b, float scaling, Tensor x, Tensor y) {
    return note(new DifferentiableOp.FoldedUpdate(a, b, scaling, x, y));
  }

  /// Rows of a trained matrix `[k, n]` at the I32 indices `[t]`: `[k, t]`.
  public Tensor trainedRows(Parameter parameter, Tensor indices) {
    return note(
        new DifferentiableOp.TrainedRows(
            parameter, indices, ops.getRows(parameter.value(), indices)));
  }

  /// A tensor that another graph computed. Its gradient is added to that of `source`, which the
  /// other graph takes by [#lend].
  public Tensor borrow(Parameter source) {
    return note(new DifferentiableOp.Borrowed(source, source.value()));
  }

  /// x, a result on the tape that other graphs read too.
  ///
  /// @param gradient of the loss with respect to x by way of the others, same shape
  public Tensor lend(Tensor x, Tensor gradient) {
    return note(new DifferentiableOp.Lent(gradient, x));
  }

  public Tensor add(Tensor a, Tensor b) {
    if (!a.shape().equals(b.shape())) {
      throw new IllegalArgumentException("a sum of " + a + " and " + b);
    }
    return note(new DifferentiableOp.Add(a, b, ops.add(a, b)));
  }

  /// x `[n, t]` plus a frozen bias `[n]`.
  public Tensor addBias(Tensor x, Tensor bias) {
    return note(new DifferentiableOp.AddBias(x, ops.add(x, bias)));
  }

  /// x plus a number.
  public Tensor plus(Tensor x, float number) {
    return note(new DifferentiableOp.AddBias(x, ops.scaleAndAdd(x, 1, number)));
  }

  /// Tensors `[…, t]` below each other.
  public Tensor concat(List<Tensor> parts) {
    return note(new DifferentiableOp.Concat(parts, Joining.concat(ops, parts, 0)));
  }

  public Tensor scale(Tensor x, float factor) {
    return note(new DifferentiableOp.Scale(x, factor, ops.scale(x, factor)));
  }

  /// x times a constant mask of its shape, or one that is repeated to it.
  public Tensor mask(Tensor x, Tensor mask) {
    return note(new DifferentiableOp.Mask(x, mask, ops.mul(x, mask)));
  }

  /// gain `[n]` times x `[n, …]` over the root mean square of each row.
  ///
  /// @param gain null for none
  public Tensor rmsNorm(Tensor x, @Nullable Tensor gain, float epsilon) {
    return note(new DifferentiableOp.RmsNorm(x, gain, epsilon, kernels.rmsNorm(x, gain, epsilon)));
  }

  /// x `[head size, heads, t]` rotated by the positions `[t]`.
  public Tensor rope(
      Tensor x, Tensor positions, @Nullable Tensor factors, RopeParameters parameters) {
    Tensor y = new RopeOps(ops).rope(x, positions, factors, parameters);
    return note(new DifferentiableOp.RopeOp(x, positions, factors, parameters, y));
  }

  public Tensor reshape(Tensor x, Shape shape) {
    return note(new DifferentiableOp.Reshape(x, ops.reshape(x, shape)));
  }

  /// `count` elements of each row of x `[n, t]`, from `first` on: `[count, t]`.
  public Tensor slice(Tensor x, int first, int count) {
    Tensor part = ops.view(x, Shape.of(count, x.shape().ne1()), (long) first * Float.BYTES);
    return note(new DifferentiableOp.SliceOp(x, first, ops.cont(part)));
  }

  /// x `[n, t]` cut into parts `[count, t]` of these counts, which are n together: views, for
  /// products. Gradients have to flow to all of them. Counts are multiples of [#PART]: products of
  /// GPUs read several elements at once, and ggml's of Vulkan end the process where a view begins
  /// between them.
  public List<Tensor> parts(Tensor x, List<Integer> counts) {
    List<Tensor> parts = new ArrayList<>();
    int first = 0;
    for (int count : counts) {
      if (count % PART != 0) {
        throw new IllegalArgumentException("a part of " + count + " elements");
      }
      Tensor part = ops.view(x, Shape.of(count, x.shape().ne1()), (long) first * Float.BYTES);
      parts.add(note(new DifferentiableOp.PartOp(x, first, part)));
      first += count;
    }
    return parts;
  }

  /// cap · tanh(x / cap).
  public Tensor softCap(Tensor x, float cap) {
    return note(new DifferentiableOp.SoftCap(x, cap, curves.softCap(x, cap)));
  }

  /// gelu(gate) · up, all of one shape.
  public Tensor geglu(Tensor gate, Tensor up) {
    return note(
        new DifferentiableOp.GeGlu(gate, up, curves.geglu(gate, up, graphKernels.isExact())));
  }

  /// gpt-oss's gating: see [DifferentiableOp.ClampedSwiGlu].
  public Tensor clampedSwiglu(Tensor gate, Tensor up, float alpha, float limit) {
    Tensor y = curves.activations().clampedSwiglu(gate, up, alpha, limit);
    return note(new DifferentiableOp.ClampedSwiGlu(gate, up, alpha, limit, y));
  }

  /// silu(gate) · up, all `[n, t]`.
  public Tensor swiglu(Tensor gate, Tensor up) {
    return note(new DifferentiableOp.SwiGlu(gate, up, ops.swiglu(gate, up)));
  }

  /// How far elements of x `[n, t]` are above a limit of their row, 0 under it: the mean and so
  /// many deviations, as those of a sample.
  public Tensor peaks(Tensor x, float deviations) {
    return note(new DifferentiableOp.Peaks(x, deviations, curves.peaks(x, deviations)));
  }

  /// relu(x)².
  public Tensor squaredRelu(Tensor x) {
    return note(new DifferentiableOp.SquaredRelu(x, ops.square(curves.activations().relu(x))));
  }

  /// softmax(x) over ne0.
  public Tensor softMax(Tensor x) {
    return note(new DifferentiableOp.SoftMax(x, ops.softMax(x, null, 1)));
  }

  /// The experts with the largest scores `[experts, t]` of each token.
  ///
  /// @param identity F32 `[experts, experts]`, ones on its diagonal
  public ExpertChoice choose(Tensor scores, int used, Tensor identity) {
    return experts.choose(scores, used, identity);
  }

  /// The chosen of x `[experts, t]`: `[1, used, t]`.
  public Tensor pick(Tensor x, ExpertChoice choice) {
    Tensor single = ops.reshape(x, Shape.of(1, x.shape().ne0(), x.shape().ne1()));
    return note(new DifferentiableOp.Pick(x, choice, ops.getRows(single, choice.indices())));
  }

  /// x `[n, t]` over the sum of each row, which is taken for at least 6e-5, as in llama.cpp.
  public Tensor normalize(Tensor x) {
    Tensor sum = ops.clamp(ops.sumRows(x), SMALLEST_SUM, Float.MAX_VALUE);
    return note(new DifferentiableOp.Normalize(x, sum, ops.div(x, sum)));
  }

  /// W x for the frozen matrices `[k, n, experts]` of each token's experts; x `[k, 1, t]` is the
  /// same for all of them, x `[k, used, t]` another for each: `[n, used, t]`.
  public Tensor frozenExperts(Tensor weight, Tensor x, ExpertChoice choice) {
    Tensor y = experts.frozen(weight, x, choice);
    return note(new DifferentiableOp.FrozenExperts(weight, x, choice, y));
  }

  /// P x for trained matrices, as [#frozenExperts].
  public Tensor trainedExperts(Parameter parameter, Tensor x, ExpertChoice choice) {
    Tensor y = experts.product(parameter.value(), x, choice);
    return note(new DifferentiableOp.TrainedExperts(parameter, x, choice, y));
  }

  /// x `[n, used, t]` plus the frozen biases `[n, experts]` of each token's experts.
  public Tensor addExpertBias(Tensor x, Tensor biases, ExpertChoice choice) {
    Tensor y = experts.ops().addBias(x, biases, choice.indices());
    return note(new DifferentiableOp.AddBias(x, y));
  }

  /// The sum of x `[n, used, t]` over each token's experts with their weights `[1, used, t]`: `[n,
  /// t]`.
  public Tensor weightedSum(Tensor x, Tensor weights) {
    Tensor y = ExpertProducts.sumOfUsed(ops, ops.mul(x, weights));
    return note(new DifferentiableOp.WeightedSum(x, weights, y));
  }

  /// Attention of q `[head size, heads, t]` over k and v `[head size, key-value heads, t]`:
  /// `[head size, heads, t]`.
  ///
  /// @param saved the result of another graph or for it, or null
  public Tensor attention(
      Tensor q, Tensor k, Tensor v, Attention attention, @Nullable SavedResult saved) {
    Tensor y =
        saved != null && saved.computed()
            ? saved.place()
            : attention.forward(ops, kernels, q, k, v, saved == null ? null : saved.place());
    return note(new DifferentiableOp.SelfAttention(q, k, v, attention, y));
  }

  /// a · b, element by element.
  ///
  /// @param b of a's shape, or `[1, …]` with the rest of it
  public Tensor multiply(Tensor a, Tensor b) {
    return note(new DifferentiableOp.Multiply(a, b, ops.mul(a, b)));
  }

  /// e^x.
  public Tensor exp(Tensor x) {
    return note(new DifferentiableOp.Exp(x, curves.activations().exp(x)));
  }

  /// 1 / (1 + e^-x).
  public Tensor sigmoid(Tensor x) {
    return note(new DifferentiableOp.Sigmoid(x, curves.activations().sigmoid(x)));
  }

  /// ln(1 + e^x).
  public Tensor softplus(Tensor x) {
    return note(new DifferentiableOp.Softplus(x, curves.activations().softplus(x)));
  }

  /// x / (1 + e^-x).
  public Tensor silu(Tensor x) {
    return note(new DifferentiableOp.Silu(x, ops.silu(x)));
  }

  /// Activations a `[k, n, p, q]` times b `[k, m, p, q]`: `[n, m, p, q]`.
  public Tensor product(Tensor a, Tensor b) {
    return note(new DifferentiableOp.Product(a, b, productOfAny(a, b)));
  }

  /// As [#product], for tensors of any strides, outside of the tape.
  Tensor productOfAny(Tensor a, Tensor b) {
    return kernels.takesStrides()
        ? kernels.product(a, b)
        : kernels.product(a.isContiguous() ? a : ops.cont(a), b.isContiguous() ? b : ops.cont(b));
  }

  /// x with ne0 and ne1 swapped, without a copy: an operand of [#product] and nothing else.
  public Tensor transpose(Tensor x) {
    return note(new DifferentiableOp.Transpose(x, ops.transpose(x)));
  }

  /// (I + x)⁻¹ for strictly lower triangular x `[n, n, p, q]`, whose ne0 are columns.
  ///
  /// @param identity `[n, n]`
  public Tensor unitInverse(Tensor x, Tensor identity) {
    Tensor identities = ops.repeat(identity, x.shape());
    Tensor y = new StateOps(ops).solveLower(ops.add(x, identity), identities);
    return note(new DifferentiableOp.UnitInverse(x, y));
  }

  /// A causal convolution of x `[channels, t]`, of the same shape.
  public Tensor convolution(Tensor x, CausalConvolution convolution) {
    return note(new DifferentiableOp.Convolution(x, convolution, convolution.forward(ops, x)));
  }

  /// The gated delta rule, or a state space: `[head size, value heads, t]`.
  public Tensor gatedDelta(DeltaNet.Inputs inputs, DeltaNet net) {
    DeltaNet.MixerOutput result = net.forward(this::newTape, ops, inputs);
    return note(new DifferentiableOp.GatedDelta(inputs, result.states(), net, result.y()));
  }

  /// An empty tape for a part of the graph that is differentiated on its own.
  Tape newTape() {
    return new Tape(ops, graphKernels, parameterGradients);
  }

  private Tensor note(DifferentiableOp op) {
    record.add(op);
    return op.y();
  }

  /// Builds the gradients of everything on the tape.
  ///
  /// @param output a result on the tape
  /// @param gradient the gradient of the loss with respect to it, same shape
  public void backward(Tensor output, Tensor gradient) {
    accumulate(output, gradient);
    GradientRules rules = new GradientRules(this, ops, curves, graphKernels, parameterGradients);
    for (DifferentiableOp op : record.reversed()) {
      Tensor dy = findGradient(op.y());
      if (dy != null) {
        rules.apply(op, dy);
      }
    }
  }

  /// The gradient of a tensor on the tape or of an input to it, after [#backward].
  ///
  /// @throws IllegalArgumentException where none flows
  public Tensor gradient(Tensor tensor) {
    Tensor gradient = findGradient(tensor);
    if (gradient == null) {
      throw new IllegalArgumentException("no gradient flows to " + tensor);
    }
    return gradient;
  }

  private @Nullable Tensor findGradient(Tensor tensor) {
    List<Term> terms = productGradients.remove(tensor);
    if (terms != null) {
      accumulate(tensor, kernels.sum(terms));
    }
    Map<Integer, Tensor> parts = partGradients.remove(tensor);
    if (parts != null) {
      accumulate(tensor, Joining.concat(ops, List.copyOf(parts.values()), 0));
    }
    return gradients.get(tensor);
  }

  /// Adds to the gradient of a tensor on the tape.
  void accumulate(Tensor tensor, Tensor gradient) {
    gradients.merge(tensor, gradient, ops::add);
  }

  /// Has a part of the gradient of x `[n, t]`, see [#parts].
  ///
  /// @param gradient `[count, t]`, of the elements of each row from `first` on
  void accumulatePart(Tensor x, int first, Tensor gradient) {
    partGradients.computeIfAbsent(x, _ -> new TreeMap<>()).put(first, gradient);
  }

  /// Adds a product to the gradient of a tensor on the tape. It is computed together with all
  /// others of that tensor.
  void accumulate(Tensor tensor, Term product) {
    productGradients.computeIfAbsent(tensor, _ -> new ArrayList<>()).add(product);
  }
}
