package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.AttentionKernel;
import io.lorikeet.bindings.DeviceTraits;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A graph's operations by ggml's, in the number formats that suit the backend.
///
/// Gradients are never computed in F16: values of 1e-8 vanish there and large ones overflow. Where
/// a device would round F32 products to F16, one side is cast to BF16, which has F32's range.
final class GgmlKernels implements Kernels {
  private final Ops ops;
  private final Tensor rowNumbers;
  private final DeviceTraits traits;
  private final boolean exact;
  private final long chunkElements;
  private final boolean keepsCopies;
  private final BackwardOps backwardOps;
  private final Map<Tensor, List<RowChunk>> dequantized = new HashMap<>();
  private final Map<Tensor, List<RowChunk>> transposed = new HashMap<>();

  /// Rows of a frozen matrix, from `first` on, in a format that can be multiplied.
  private record RowChunk(long first, long rows, Tensor matrix) {}

  /// @param backwardOps the gradients that the backend may have operations for
  /// @param traits of the backend
  /// @param exact whether frozen matrices are multiplied in F32, whatever their type
  /// @param rowNumbers I32 `[n]` placeholder of 0, 1, 2, …; n is at least the number of rows of any
  ///     frozen matrix
  /// @param chunkElements elements of a frozen matrix that are dequantized at a time
  /// @param keepsCopies whether dequantized copies are made once for all products with a matrix
  GgmlKernels(
      Ops ops,
      BackwardOps backwardOps,
      DeviceTraits traits,
      boolean exact,
      Tensor rowNumbers,
      long chunkElements,
      boolean keepsCopies) {
    this.ops = ops;
    this.backwardOps = backwardOps;
    this.traits = traits;
    this.exact = exact;
    this.rowNumbers = rowNumbers;
    this.chunkElements = chunkElements;
    this.keepsCopies = keepsCopies;
  }

  @Override
  public Tensor sum(List<Term> terms) {
    return terms.stream().map(this::product).reduce(ops::add).orElseThrow();
  }

  @Override
  public void sumInto(List<Term> terms, Tensor y) {
    ops.schedule(ops.into(sum(terms), y));
  }

  private Tensor product(Term term) {
    return switch (term.kind()) {
      case FROZEN -> frozen(term.a(), term.b());
      case FROZEN_TRANSPOSED -> frozenBack(term.a(), term.b());
      case SMALL -> product(term.a(), term.b());
      case SMALL_TRANSPOSED -> product(packed(ops.transpose(term.a())), term.b());
    };
  }

  private Tensor frozen(Tensor weight, Tensor x) {
    if (!exact) {
      return weight.type() == TensorType.F32 ? product(weight, x) : ops.mulMat(weight, x);
    }
    List<Tensor> parts = new ArrayList<>();
    for (RowChunk chunk : copies(dequantized, weight, false)) {
      parts.add(product(chunk.matrix(), x));
    }
    return Joining.concat(ops, parts, 0);
  }

  /// Wᵀ dy from a transposed copy of W made in scratch memory.
  private Tensor frozenBack(Tensor weight, Tensor dy) {
    List<RowChunk> chunks = copies(transposed, weight, true);
    if (chunks.size() == 1) {
      return transposedProduct(chunks.getFirst(), dy);
    }
    return chunks.stream()
        .map(chunk -> transposedProduct(chunk, part(dy, chunk)))
        .reduce(ops::add)
        .orElseThrow();
  }

  private Tensor transposedProduct(RowChunk chunk, Tensor dy) {
    return ops.mulMat(chunk.matrix(), traits.keepsF32Products() ? unstrided(dy) : dy);
  }

  private Tensor part(Tensor dy, RowChunk chunk) {
    return ops.view(dy, Shape.of(chunk.rows(), dy.shape().ne1()), chunk.first() * Float.BYTES);
  }

  private List<RowChunk> copies(
      Map<Tensor, List<RowChunk>> kept, Tensor weight, boolean transpose) {
    return keepsCopies
        ? kept.computeIfAbsent(weight, w -> chunks(w, transpose))
        : chunks(weight, transpose);
  }

  private List<RowChunk> chunks(Tensor weight, boolean transpose) {
    long columns = weight.shape().ne0();
    long rows = weight.shape().ne1();
    long step = Math.max(32, chunkElements / columns);
    List<RowChunk> chunks = new ArrayList<>();
    for (long first = 0; first < rows; first += step) {
      long count = Math.min(step, rows - first);
      Tensor matrix =
          ops.getRows(weight, ops.view(rowNumbers, Shape.of(count), first * Integer.BYTES));
      chunks.add(new RowChunk(first, count, transpose ? transposed(matrix) : matrix));
    }
    return chunks;
  }

  /// A transposed copy of frozen matrices in F32, in the type that gradients are multiplied in.
  Tensor transposed(Tensor matrices) {
    if (exact && traits.keepsF32Products()) {
      return ops.cont(ops.transpose(matrices));
    }
    return traits.transposesWithinType()
        ? ops.cont(ops.transpose(ops.cast(matrices, TensorType.BF16)))
        : ops.cast(ops.transpose(matrices), TensorType.BF16);
  }

  /// A small F32 matrix as it is multiplied: in a type that the backend doesn't round to F16.
  Tensor multiplied(Tensor matrix) {
    return traits.keepsF32Products() ? matrix : ops.cast(matrix, TensorType.BF16);
  }

  /// On CUDA heads that share a matrix of a are taken as one with more rows: each product would
  /// take a kernel more otherwise.
  @Override
  public Tensor product(Tensor a, Tensor b) {
    long shared = b.shape().ne2() / a.shape().ne2();
    if (shared == 1 || !takesStrides() || !b.isContiguous()) {
      return plainProduct(a, b);
    }
    Shape s = b.shape();
    Shape together = new Shape(s.ne0(), s.ne1() * shared, a.shape().ne2(), s.ne3());
    Tensor y = plainProduct(a, ops.reshape(b, together));
    return ops.reshape(y, new Shape(y.shape().ne0(), s.ne1(), s.ne2(), s.ne3()));
  }

  private Tensor plainProduct(Tensor a, Tensor b) {
    if (isOuter(a, b)) {
      return ops.outProd(ops.transpose(a), ops.transpose(b));
    }
    return ops.mulMat(
        traits.keepsF32Products() ? unstrided(a) : ops.cast(a, TensorType.BF16),
        traits.keepsF32Products() ? unstrided(b) : b);
  }

  /// Whether a transposed factor is taken as it is. cuBLAS takes no transpose of rows of one.
  private boolean isOuter(Tensor a, Tensor b) {
    return takesStrides()
        && a.shape().ne0() > 1
        && Ops.hasDenseColumns(a)
        && (Ops.hasDenseRows(b) || Ops.hasDenseColumns(b));
  }

  private Tensor unstrided(Tensor x) {
    boolean taken = traits.keepsStridedF32Products() && Ops.hasDenseRows(x);
    return taken || x.isContiguous() ? x : ops.cont(x);
  }

  @Override
  public Tensor productByToken(Tensor a, Tensor b) {
    return ops.cont(ops.permute(product(a, b), 0, 2, 1, 3));
  }

  @Override
  public void productByTokenInto(Tensor a, Tensor b, Tensor y, boolean add) {
    Tensor product = ops.permute(product(a, b), 0, 2, 1, 3);
    ops.schedule(add ? ops.addInPlace(y, product) : ops.copy(product, y));
  }

  @Override
  public Tensor outer(Tensor x, Tensor y) {
    return switch (traits.outer()) {
      case MISSING -> product(ops.cont(ops.transpose(x)), ops.cont(ops.transpose(y)));
      case FOR_LONG_ROWS ->
          x.shape().ne0() < y.shape().ne0()
              ? ops.cont(ops.transpose(ops.outProd(y, x)))
              : ops.outProd(x, y);
      case FAST -> ops.outProd(x, y);
    };
  }

  @Override
  public Optional<Tensor> outerInto(Tensor x, Tensor y, Tensor sum) {
    return Optional.of(outer(x, y));
  }

  @Override
  public Tensor operand(Tensor x) {
    return x;
  }

  @Override
  public Tensor packedOperand(Tensor x, float factor) {
    Tensor packed = ops.cont(x);
    return factor == 1 ? packed : ops.scale(packed, factor);
  }

  /// Where the outer product is cuBLAS's, which takes transposed factors as they are.
  @Override
  public boolean takesStrides() {
    return traits.outer() == DeviceTraits.Outer.FAST;
  }

  @Override
  public boolean joinsSmallProducts() {
    return traits.keepsStridedF32Products();
  }

  private Tensor packed(Tensor x) {
    return takesStrides() ? x : ops.cont(x);
  }

  @Override
  public AttentionKernel attention(AttentionKernel.AttentionForm form) {
    return new GgmlAttention(ops, backwardOps, form);
  }

  @Override
  public SwigluGradients swigluBack(Tensor dy, Tensor gate, Tensor up) {
    Tensor dUp = ops.mul(dy, ops.silu(gate));
    return new SwigluGradients(backwardOps.siluBack(ops.mul(dy, up), gate), dUp);
  }

  @Override
  public Tensor rmsNorm(Tensor x, @Nullable Tensor gain, float epsilon) {
    Tensor normed = ops.rmsNorm(x, epsilon);
    return gain == null ? normed : ops.mul(normed, gain);
  }

  @Override
  public Tensor rmsNormBack(Tensor dy, Tensor x, @Nullable Tensor gain, float epsilon) {
    return backwardOps.rmsNormBack(gain == null ? dy : ops.mul(dy, gain), x, epsilon);
  }

  /// As `(largest - logit[label]) - log p[largest]`: the probability of the label itself could be
  /// too small for a float.
  @Override
  public Loss crossEntropy(Tensor logits, Targets targets, boolean gradient, boolean keepsLogits) {
    Shape each = targets.weights().shape();
    Shape row = Shape.of(1, each.ne0());
    Tensor best = ops.reshape(ops.argmax(logits), row);
    Tensor distance = ops.sub(pick(logits, best), pick(logits, ops.reshape(targets.labels(), row)));
    Tensor probabilities = ops.softMax(logits, null, 1);
    Tensor losses = ops.sub(distance, ops.log(pick(probabilities, best)));
    ops.schedule(losses);
    return new Loss(
        ops.reshape(losses, each), gradient ? logitsGradient(probabilities, targets) : null);
  }

  private Tensor pick(Tensor x, Tensor index) {
    return DistributionLoss.pick(ops, x, index);
  }

  /// weight · (softmax(logits) - onehot(label)). The one is taken off in place, after the loss has
  /// been computed.
  private Tensor logitsGradient(Tensor probabilities, Targets targets) {
    Shape row = Shape.of(1, targets.weights().shape().ne0());
    Tensor atLabel = pick(probabilities, ops.reshape(targets.labels(), row));
    Tensor lessOne = ops.scaleAndAdd(ops.reshape(atLabel, row), 1, -1);
    Tensor flat = ops.reshape(probabilities, Shape.of(1, probabilities.shape().elements()));
    Tensor difference =
        ops.reshape(ops.setRows(flat, lessOne, targets.flatLabels()), probabilities.shape());
    return ops.mul(difference, ops.reshape(targets.weights(), row));
  }
}
