package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.AttentionKernel;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A graph's operations by [FastProducts] and [FusedOps].
final class OneDnnKernels implements Kernels {
  private final Ops ops;
  private final FastProducts products;
  private final FusedOps fused;
  private final Kernels otherwise;
  private final boolean keepsCopies;

  /// Weights as they are multiplied.
  private final Map<Tensor, Tensor> dequantized = new HashMap<>();

  private final Map<Tensor, Tensor> operands = new HashMap<>();

  /// See [FastProducts#kernels].
  OneDnnKernels(
      Ops ops, FastProducts products, FusedOps fused, Kernels otherwise, boolean keepsCopies) {
    this.ops = ops;
    this.products = products;
    this.fused = fused;
    this.otherwise = otherwise;
    this.keepsCopies = keepsCopies;
  }

  @Override
  public Tensor sum(List<Term> terms) {
    return products.sum(ops, terms.stream().map(this::term).toList());
  }

  @Override
  public void sumInto(List<Term> terms, Tensor y) {
    products.sumInto(ops, terms.stream().map(this::term).toList(), y);
  }

  private FastProducts.FastTerm term(Term term) {
    boolean small = term.kind() == ProductKind.SMALL || term.kind() == ProductKind.SMALL_TRANSPOSED;
    boolean transposed =
        term.kind() == ProductKind.FROZEN_TRANSPOSED || term.kind() == ProductKind.SMALL_TRANSPOSED;
    if (!small && products.dequantizes(term.a()) && keepsCopies) {
      Tensor a = dequantized.computeIfAbsent(term.a(), weight -> products.copy(ops, weight));
      return new FastProducts.FastTerm(
          FastProducts.ProductForm.PLAIN, transposed ? ops.transpose(a) : a, operand(term.b()));
    }
    if (!small && term.a().type() != TensorType.F32) {
      return new FastProducts.FastTerm(
          transposed ? FastProducts.ProductForm.TRANSPOSED_WEIGHT : FastProducts.ProductForm.WEIGHT,
          term.a(),
          operand(term.b()));
    }
    // Weights in F32 are multiplied without loss.
    Tensor a = small ? operand(term.a()) : term.a();
    Tensor b = small ? operand(term.b()) : term.b();
    return new FastProducts.FastTerm(
        FastProducts.ProductForm.PLAIN, transposed ? ops.transpose(a) : a, b);
  }

  @Override
  public Tensor product(Tensor a, Tensor b) {
    return products.multiply(ops, a, b);
  }

  @Override
  public Tensor productByToken(Tensor a, Tensor b) {
    return products.multiplyByToken(ops, a, b);
  }

  @Override
  public void productByTokenInto(Tensor a, Tensor b, Tensor y, boolean add) {
    products.multiplyByTokenInto(ops, a, b, y, add);
  }

  @Override
  public Tensor outer(Tensor x, Tensor y) {
    return products.multiply(ops, ops.transpose(operand(x)), ops.transpose(operand(y)));
  }

  @Override
  public Optional<Tensor> outerInto(Tensor x, Tensor y, Tensor sum) {
    Tensor a = ops.transpose(operand(x));
    products.multiplyInto(ops, a, ops.transpose(operand(y)), sum, true);
    return Optional.empty();
  }

  @Override
  public Tensor operand(Tensor x) {
    return products.activationType() == x.type()
        ? x
        : operands.computeIfAbsent(x, _ -> fused.operand(ops, x));
  }

  @Override
  public Tensor packedOperand(Tensor x, float factor) {
    return fused.packed(ops, x, factor);
  }

  @Override
  public boolean takesStrides() {
    return true;
  }

  /// Each is computed together with a large product.
  @Override
  public boolean joinsSmallProducts() {
    return false;
  }

  /// The softmax of [FusedOps] knows neither caps nor sinks.
  @Override
  public AttentionKernel attention(AttentionKernel.AttentionForm form) {
    return form.scoreCap() == 0 && form.sinks() == null
        ? new FusedAttention(form)
        : otherwise.attention(form);
  }

  /// Scores, and their gradients, are replaced in their place. The queries are scaled, so the
  /// scores needn't be.
  private final class FusedAttention implements AttentionKernel {
    private final AttentionForm form;

    FusedAttention(AttentionForm form) {
      this.form = form;
    }

    @Override
    public float queryFactor() {
      return form.scale();
    }

    @Override
    public Weights weights(Tensor scores, Block block) {
      long offset = (long) (block.row() + block.from()) * Float.BYTES;
      Tensor seen = ops.view(form.seenUntil(), Shape.of(block.keys()), offset);
      return new Weights(
          noted(fused.softMax(ops, scores, seen, block.from(), block.first())), null);
    }

    @Override
    public Tensor scoresBack(Tensor dWeights, Weights weights) {
      return noted(fused.softMaxBack(ops, dWeights, weights.values()));
    }
  }

  @Override
  public SwigluGradients swigluBack(Tensor dy, Tensor gate, Tensor up) {
    Tensor packed = dy.isContiguous() ? dy : ops.cont(dy);
    FusedOps.FusedSwigluGradients gradients = fused.swigluBack(ops, packed, gate, up);
    return new SwigluGradients(noted(gradients.gate()), noted(gradients.up()));
  }

  @Override
  public Tensor rmsNorm(Tensor x, @Nullable Tensor gain, float epsilon) {
    return gain != null && fusesNorm(x, gain)
        ? noted(fused.rmsNorm(ops, x, gain, epsilon))
        : otherwise.rmsNorm(x, gain, epsilon);
  }

  @Override
  public Tensor rmsNormBack(Tensor dy, Tensor x, @Nullable Tensor gain, float epsilon) {
    return gain != null && fusesNorm(x, gain) && dy.isContiguous()
        ? fused.rmsNormBack(ops, dy, x, gain, epsilon)
        : otherwise.rmsNormBack(dy, x, gain, epsilon);
  }

  private boolean fusesNorm(Tensor x, Tensor gain) {
    return fused.hasRmsNorm() && gain.type() == TensorType.F32 && x.isContiguous();
  }

  @Override
  public Loss crossEntropy(Tensor logits, Targets targets, boolean gradient, boolean keepsLogits) {
    if (keepsLogits) {
      return otherwise.crossEntropy(logits, targets, gradient, true);
    }
    Tensor losses = ops.scale(targets.weights(), 1);
    @Nullable Tensor logitsGradient = null;
    if (gradient) {
      logitsGradient = noted(fused.crossEntropyAndGradient(ops, logits, targets.labels(), losses));
    } else {
      fused.crossEntropy(ops, logits, targets.labels(), losses);
    }
    return new Loss(losses, logitsGradient);
  }

  private Tensor noted(FusedOps.FusedOutput result) {
    operands.put(result.values(), result.operand());
    return result.values();
  }
}
