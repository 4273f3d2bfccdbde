package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Kernels.ProductKind;
import io.lorikeet.bindings.Kernels.Term;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.List;

/// The gradient of every [DifferentiableOp]: given dy, the gradient of the loss with respect to its
/// result, builds those of its inputs. The switch is exhaustive, so an operation without a rule
/// doesn't compile.
final class GradientRules {
  private final Tape tape;
  private final Ops ops;
  private final Curves curves;
  private final Kernels kernels;
  private final ExpertProducts experts;
  private final BackwardOps backwardOps;
  private final ParameterGradients parameterGradients;

  GradientRules(
      Tape tape,
      Ops ops,
      Curves curves,
      GraphKernels graphKernels,
      ParameterGradients parameterGradients) {
    this.tape = tape;
    this.ops = ops;
    this.curves = curves;
    kernels = graphKernels.kernels();
    experts = graphKernels.experts();
    backwardOps = graphKernels.backwardOps();
    this.parameterGradients = parameterGradients;
  }

  void apply(DifferentiableOp op, Tensor dy) {
    switch (op) {
      case DifferentiableOp.FrozenProduct(Tensor weight, Tensor x, Tensor _) ->
          tape.accumulate(x, new Term(ProductKind.FROZEN_TRANSPOSED, weight, dy));
      case DifferentiableOp.AdaptedProduct(
              Tensor weight,
              Tensor x,
              Parameter parameter,
              Tensor z,
              Tensor _) -> {
        parameterGradients.addOuter(kernels, parameter, z, dy);
        tape.accumulate(z, new Term(ProductKind.SMALL_TRANSPOSED, parameter.value(), dy));
        tape.accumulate(x, new Term(ProductKind.FROZEN_TRANSPOSED, weight, dy));
      }
      case DifferentiableOp.TrainedProduct(Parameter parameter, Tensor x, Tensor _) -> {
        parameterGradients.addOuter(kernels, parameter, x, dy);
        tape.accumulate(x, new Term(ProductKind.SMALL_TRANSPOSED, parameter.value(), dy));
      }
      case DifferentiableOp.FoldedUpdate(
              Parameter a,
              Parameter b,
              float scaling,
              Tensor x,
              Tensor _) -> {
        Tensor low = ops.scale(kernels.smallProduct(a.value(), x), scaling);
        parameterGradients.addOuter(kernels, b, low, dy);
        Tensor back = kernels.sum(List.of(new Term(ProductKind.SMALL_TRANSPOSED, b.value(), dy)));
        parameterGradients.addOuter(kernels, a, x, ops.scale(back, scaling));
      }
      case DifferentiableOp.TrainedRows(Parameter parameter, Tensor indices, Tensor _) ->
          parameterGradients.add(parameter, ops.getRowsBack(dy, indices, parameter.value()));
      case DifferentiableOp.Borrowed(Parameter source, Tensor _) ->
          parameterGradients.add(source, dy);
      case DifferentiableOp.Lent(Tensor gradient, Tensor y) -> tape.accumulate(y, gradient);
      case DifferentiableOp.Add(Tensor a, Tensor b, Tensor _) -> {
        tape.accumulate(a, dy);
        tape.accumulate(b, dy);
      }
      case DifferentiableOp.AddBias(Tensor x, Tensor _) -> tape.accumulate(x, dy);
      case DifferentiableOp.Scale(Tensor x, float factor, Tensor _) ->
          tape.accumulate(x, ops.scale(dy, factor));
      case DifferentiableOp.Mask(Tensor x, Tensor mask, Tensor _) ->
          tape.accumulate(x, ops.mul(dy, mask));
      case DifferentiableOp.RmsNorm(Tensor x, Tensor gain, float epsilon, Tensor _) ->
          tape.accumulate(x, kernels.rmsNormBack(dy, x, gain, epsilon));
      case DifferentiableOp.RopeOp(
              Tensor x,
              Tensor positions,
              Tensor factors,
              var parameters,
              Tensor _) ->
          tape.accumulate(x, backwardOps.ropeBack(dy, positions, factors, parameters));
      case DifferentiableOp.Reshape(Tensor x, Tensor _) ->
          tape.accumulate(x, reshaped(dy, x.shape()));
      case DifferentiableOp.SwiGlu(Tensor gate, Tensor up, Tensor _) -> {
        Kernels.SwigluGradients gradients = kernels.swigluBack(dy, gate, up);
        tape.accumulate(gate, gradients.gate());
        tape.accumulate(up, gradients.up());
      }
      case DifferentiableOp.SliceOp(Tensor x, int first, Tensor y) -> {
        int after = Math.toIntExact(x.shape().ne0() - first - y.shape().ne0());
        tape.accumulate(x, ops.padRows(contiguous(dy), first, after));
      }
      case DifferentiableOp.PartOp(Tensor x, int first, Tensor _) ->
          tape.accumulatePart(x, first, dy);
      case DifferentiableOp.SoftCap(Tensor x, float cap, Tensor y) ->
          tape.accumulate(x, ops.mul(dy, curves.softCapSlope(y, cap)));
      case DifferentiableOp.GeGlu(Tensor gate, Tensor up, Tensor _) -> {
        tape.accumulate(up, ops.mul(dy, curves.gelu(gate)));
        tape.accumulate(gate, ops.mul(ops.mul(dy, up), curves.geluSlope(gate)));
      }
      case DifferentiableOp.ClampedSwiGlu(
              Tensor gate,
              Tensor up,
              float alpha,
              float limit,
              Tensor _) -> {
        Curves.GatedPair slopes = curves.clampedSwigluSlopes(gate, up, alpha, limit);
        tape.accumulate(gate, ops.mul(dy, slopes.gate()));
        tape.accumulate(up, ops.mul(dy, slopes.up()));
      }
      case DifferentiableOp.Peaks(Tensor x, float deviations, Tensor y) ->
          tape.accumulate(x, curves.peaksBack(dy, x, y, deviations));
      case DifferentiableOp.Concat(List<Tensor> parts, Tensor _) -> {
        long first = 0;
        Tensor whole = contiguous(dy);
        for (Tensor part : parts) {
          Shape shape = part.shape();
          tape.accumulate(part, ops.cont(ops.view(whole, shape, first * Float.BYTES)));
          first += shape.ne0();
        }
      }
      case DifferentiableOp.SquaredRelu(Tensor x, Tensor _) ->
          tape.accumulate(x, ops.mul(ops.scale(dy, 2), curves.activations().relu(x)));
      case DifferentiableOp.SoftMax(Tensor x, Tensor y) ->
          // In a copy, which ggml overwrites: it would overwrite y otherwise, and the CPU reads y
          // again after it has begun to write.
          tape.accumulate(x, backwardOps.softMaxBack(ops.cont(dy), y, 1));
      case DifferentiableOp.Pick(Tensor x, ExpertChoice choice, Tensor _) ->
          tape.accumulate(
              x, ExpertProducts.sumOfUsed(ops, ops.mul(choice.oneHot(), contiguous(dy))));
      case DifferentiableOp.Normalize(Tensor x, Tensor sum, Tensor y) -> {
        Tensor share = ops.sumRows(ops.mul(dy, y));
        tape.accumulate(x, ops.div(ops.sub(dy, share), sum));
      }
      case DifferentiableOp.FrozenExperts(Tensor weight, Tensor x, ExpertChoice choice, Tensor _) ->
          tape.accumulate(x, experts.frozenBack(weight, x, dy, choice));
      case DifferentiableOp.TrainedExperts(
              Parameter parameter,
              Tensor x,
              ExpertChoice choice,
              Tensor _) -> {
        parameterGradients.add(parameter, experts.matricesBack(x, contiguous(dy), choice));
        tape.accumulate(x, experts.inputBack(parameter.value(), x, dy, choice));
      }
      case DifferentiableOp.WeightedSum(Tensor x, Tensor weights, Tensor _) -> {
        Shape each = Shape.of(dy.shape().ne0(), 1, dy.shape().ne1());
        Tensor spread = ops.repeat(reshaped(dy, each), x.shape());
        tape.accumulate(x, ops.mul(spread, weights));
        tape.accumulate(weights, ops.sumRows(ops.mul(spread, x)));
      }
      case DifferentiableOp.SelfAttention(
              Tensor q,
              Tensor k,
              Tensor v,
              Attention attention,
              Tensor _) -> {
        Attention.Gradients gradients = attention.backward(ops, kernels, q, k, v, dy);
        tape.accumulate(q, gradients.q());
        tape.accumulate(k, gradients.k());
        tape.accumulate(v, gradients.v());
      }
      case DifferentiableOp.Multiply(Tensor a, Tensor b, Tensor _) -> {
        tape.accumulate(a, ops.mul(dy, b));
        Tensor each = ops.mul(dy, a);
        tape.accumulate(b, b.shape().equals(a.shape()) ? each : ops.sumRows(each));
      }
      case DifferentiableOp.Exp(Tensor x, Tensor y) -> tape.accumulate(x, ops.mul(dy, y));
      case DifferentiableOp.Sigmoid(Tensor x, Tensor y) ->
          tape.accumulate(x, ops.mul(ops.mul(dy, y), ops.scaleAndAdd(y, -1, 1)));
      case DifferentiableOp.Softplus(Tensor x, Tensor _) ->
          tape.accumulate(x, ops.mul(dy, curves.activations().sigmoid(x)));
      case DifferentiableOp.Silu(Tensor x, Tensor _) ->
          tape.accumulate(x, backwardOps.siluBack(contiguous(dy), x));
      case DifferentiableOp.Product(Tensor a, Tensor b, Tensor _) -> {
        tape.accumulate(a, tape.productOfAny(ops.transpose(b), ops.transpose(dy)));
        tape.accumulate(b, tape.productOfAny(ops.transpose(a), dy));
      }
      case DifferentiableOp.Transpose(Tensor x, Tensor _) ->
          tape.accumulate(x, ops.cont(ops.transpose(dy)));
      case DifferentiableOp.UnitInverse(Tensor x, Tensor y) -> {
        // dx = -yᵀ dy yᵀ
        Tensor left = tape.productOfAny(ops.transpose(dy), ops.transpose(y));
        tape.accumulate(x, ops.scale(tape.productOfAny(y, left), -1));
      }
      case DifferentiableOp.Convolution(Tensor x, CausalConvolution convolution, Tensor _) ->
          tape.accumulate(x, convolution.backward(ops, contiguous(dy)));
      case DifferentiableOp.GatedDelta(
              DeltaNet.Inputs inputs,
              Tensor states,
              DeltaNet net,
              Tensor _) -> {
        DeltaNet.Inputs gradients =
            net.backward(tape::newTape, ops, inputs, states, contiguous(dy));
        tape.accumulate(inputs.q(), gradients.q());
        tape.accumulate(inputs.k(), gradients.k());
        tape.accumulate(inputs.v(), gradients.v());
        tape.accumulate(inputs.decay(), gradients.decay());
        if (inputs.beta() != null && gradients.beta() != null) {
          tape.accumulate(inputs.beta(), gradients.beta());
        }
      }
    }
  }

  private Tensor reshaped(Tensor dy, Shape shape) {
    return ops.reshape(contiguous(dy), shape);
  }

  private Tensor contiguous(Tensor x) {
    return x.isContiguous() ? x : ops.cont(x);
  }
}
