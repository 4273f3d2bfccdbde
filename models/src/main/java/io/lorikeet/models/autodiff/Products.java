package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.FastProducts;
import io.lorikeet.bindings.FusedOps;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The matrix products of one graph, in the number formats that suit the backend.
///
/// Gradients are never computed in F16: values of 1e-8 vanish there and large ones overflow. Where
/// a backend would round F32 products to F16, one side is cast to BF16, which has F32's range.
public final class Products {
  private static final long CHUNK_ELEMENTS = 16L << 20;

  private final Ops ops;
  private final Tensor rowNumbers;
  private final ProductTraits traits;
  private final Precision precision;
  private final long chunkElements;
  private final boolean keepsCopies;
  private final ExpertProducts experts;
  private final BackwardOps backwardOps;

  /// Null where there are none, or where they aren't exact enough.
  private final FastProducts fast;
  private final Map<Tensor, List<Chunk>> dequantized = new HashMap<>();
  private final Map<Tensor, List<Chunk>> transposed = new HashMap<>();

  /// Weights as [FastProducts] multiply them.
  private final Map<Tensor, Tensor> multiplied = new HashMap<>();

  private final Map<Tensor, Tensor> operands = new HashMap<>();

  /// Rows of a frozen matrix, from `first` on, in a format that can be multiplied.
  private record Chunk(long first, long rows, Tensor matrix) {}

  /// @param rowNumbers I32 `[n]` placeholder of 0, 1, 2, …; n is at least the number of rows of any
  ///     frozen matrix
  /// @param keepsCopies whether dequantized copies are made once for all products with a matrix
  public Products(
      Ops ops, Backend backend, Precision precision, Tensor rowNumbers, boolean keepsCopies) {
    this(
        ops,
        backend,
        precision,
        rowNumbers,
        new BackwardOps(ops, backend),
        ProductTraits.of(backend),
        CHUNK_ELEMENTS,
        keepsCopies);
  }

  /// @param traits of the backend
  /// @param chunkElements elements of a frozen matrix that are dequantized at a time
  Products(
      Ops ops,
      Backend backend,
      Precision precision,
      Tensor rowNumbers,
      BackwardOps backwardOps,
      ProductTraits traits,
      long chunkElements,
      boolean keepsCopies) {
    this.keepsCopies = keepsCopies;
    this.backwardOps = backwardOps;
    this.ops = ops;
    this.chunkElements = chunkElements;
    this.rowNumbers = rowNumbers;
    this.precision = precision;
    this.traits = traits;
    experts = new ExpertProducts(ops, this, rowNumbers);
    fast = precision == Precision.AUTO ? backend.fastProducts().orElse(null) : null;
  }

  /// The gradients that the backend may have operations for.
  BackwardOps backwardOps() {
    return backwardOps;
  }

  /// The products with the matrices of experts.
  ExpertProducts ofExperts() {
    return experts;
  }

  /// Whether gradients are being checked, with everything as exact as the device can.
  boolean isForChecking() {
    return precision == Precision.F32;
  }

  /// A product `[n, t]` that is part of a sum.
  ///
  /// @param kind how the two are multiplied
  /// @param a a frozen weight of any type, or a small matrix in F32
  /// @param b `[k, t]`
  public record Term(Kind kind, Tensor a, Tensor b) {}

  /// How the matrices of a [Term] are multiplied.
  public enum Kind {
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
  public Tensor sum(List<Term> terms) {
    if (fast != null) {
      return fast.sum(ops, terms.stream().map(this::fastTerm).toList());
    }
    Tensor sum = null;
    for (Term term : terms) {
      Tensor product = product(term);
      sum = sum == null ? product : ops.add(sum, product);
    }
    return sum;
  }

  private FastProducts.Term fastTerm(Term term) {
    boolean small = term.kind() == Kind.SMALL || term.kind() == Kind.SMALL_TRANSPOSED;
    boolean transposed =
        term.kind() == Kind.FROZEN_TRANSPOSED || term.kind() == Kind.SMALL_TRANSPOSED;
    if (!small && fast.dequantizes(term.a()) && keepsCopies) {
      Tensor a = multiplied.computeIfAbsent(term.a(), weight -> fast.copy(ops, weight));
      return new FastProducts.Term(
          FastProducts.Form.PLAIN, transposed ? ops.transpose(a) : a, operand(term.b()));
    }
    if (!small && term.a().type() != TensorType.F32) {
      return new FastProducts.Term(
          transposed ? FastProducts.Form.TRANSPOSED_WEIGHT : FastProducts.Form.WEIGHT,
          term.a(),
          operand(term.b()));
    }
    // Weights in F32 are multiplied without loss.
    Tensor a = small ? operand(term.a()) : term.a();
    Tensor b = small ? operand(term.b()) : term.b();
    return new FastProducts.Term(FastProducts.Form.PLAIN, transposed ? ops.transpose(a) : a, b);
  }

  /// A trained matrix a `[k, n]` times b `[k, t]`: `[n, t]`.
  Tensor smallProduct(Tensor a, Tensor b) {
    return product(operand(a), operand(b));
  }

  private Tensor product(Term term) {
    return switch (term.kind()) {
      case FROZEN -> frozen(term.a(), term.b());
      case FROZEN_TRANSPOSED -> frozenBack(term.a(), term.b());
      case SMALL -> product(term.a(), term.b());
      case SMALL_TRANSPOSED -> product(ops.cont(ops.transpose(term.a())), term.b());
    };
  }

  /// W x without [FastProducts].
  private Tensor frozen(Tensor weight, Tensor x) {
    if (precision != Precision.F32) {
      return weight.type() == TensorType.F32 ? product(weight, x) : ops.mulMat(weight, x);
    }
    List<Tensor> parts = new ArrayList<>();
    for (Chunk chunk : copies(dequantized, weight, false)) {
      parts.add(product(chunk.matrix(), x));
    }
    return concat(ops, parts, 0);
  }

  /// Wᵀ dy without [FastProducts], from a transposed copy of W made in scratch memory.
  private Tensor frozenBack(Tensor weight, Tensor dy) {
    List<Chunk> chunks = copies(transposed, weight, true);
    Tensor sum = null;
    for (Chunk chunk : chunks) {
      Tensor part =
          chunks.size() == 1
              ? dy
              : ops.view(dy, Shape.of(chunk.rows(), dy.shape().ne1()), chunk.first() * Float.BYTES);
      Tensor product = ops.mulMat(chunk.matrix(), traits.keepsF32() ? unstrided(part) : part);
      sum = sum == null ? product : ops.add(sum, product);
    }
    return sum;
  }

  /// An activation in the type that it is multiplied in, converted once.
  Tensor operand(Tensor x) {
    return fast == null || fast.activationType() == x.type()
        ? x
        : operands.computeIfAbsent(x, _ -> fast.fused().operand(ops, x));
  }

  private List<Chunk> copies(Map<Tensor, List<Chunk>> kept, Tensor weight, boolean transpose) {
    return keepsCopies
        ? kept.computeIfAbsent(weight, w -> chunks(w, transpose))
        : chunks(weight, transpose);
  }

  private List<Chunk> chunks(Tensor weight, boolean transpose) {
    long columns = weight.shape().ne0();
    long rows = weight.shape().ne1();
    long step = Math.max(32, chunkElements / columns);
    List<Chunk> chunks = new ArrayList<>();
    for (long first = 0; first < rows; first += step) {
      long count = Math.min(step, rows - first);
      Tensor matrix =
          ops.getRows(weight, ops.view(rowNumbers, Shape.of(count), first * Integer.BYTES));
      chunks.add(new Chunk(first, count, transpose ? transposed(matrix) : matrix));
    }
    return chunks;
  }

  /// A transposed copy of frozen matrices in F32, in the type that gradients are multiplied in.
  Tensor transposed(Tensor matrices) {
    if (precision == Precision.F32 && traits.keepsF32()) {
      return ops.cont(ops.transpose(matrices));
    }
    return traits.transposesWithinType()
        ? ops.cont(ops.transpose(ops.cast(matrices, TensorType.BF16)))
        : ops.cast(ops.transpose(matrices), TensorType.BF16);
  }

  /// Whether F32 is multiplied as it is.
  boolean keepsF32() {
    return traits.keepsF32();
  }

  /// The product of two activations or small matrices, as [Ops#mulMat]: a `[k, n, …]`, b
  /// `[k, m, …]` give `[n, m, …]`.
  public Tensor product(Tensor a, Tensor b) {
    if (fast != null) {
      return fast.multiply(ops, a, b);
    }
    return ops.mulMat(
        traits.keepsF32() ? unstrided(a) : ops.cast(a, TensorType.BF16),
        traits.keepsF32() ? unstrided(b) : b);
  }

  /// The same with the second and third dimension of the result swapped, so that a token's values
  /// lie together: `[n, …, m]`.
  Tensor productByToken(Tensor a, Tensor b) {
    return fast == null
        ? ops.cont(ops.permute(product(a, b), 0, 2, 1, 3))
        : fast.multiplyByToken(ops, a, b);
  }

  /// Schedules the product of [#productByToken] with its result in another tensor.
  ///
  /// @param y in its shape
  /// @param add whether to add to what y holds
  void productByTokenInto(Tensor a, Tensor b, Tensor y, boolean add) {
    if (fast != null) {
      fast.multiplyByTokenInto(ops, a, b, y, add);
    } else {
      Tensor product = productByToken(a, b);
      ops.schedule(ops.copy(add ? ops.add(product, y) : product, y));
    }
  }

  /// Contiguous factor · x, as an operand of products.
  ///
  /// @param x F32 with dense rows
  Tensor packedOperand(Tensor x, float factor) {
    if (fast != null) {
      return fast.fused().packed(ops, x, factor);
    }
    Tensor packed = ops.cont(x);
    return factor == 1 ? packed : ops.scale(packed, factor);
  }

  /// Whether there are the operations of [FusedOps].
  public boolean isFused() {
    return fast != null;
  }

  /// As [FusedOps#softMax].
  Tensor softMax(Tensor scores, Tensor seenUntil, int firstKey, int firstQuery) {
    return noted(fast.fused().softMax(ops, scores, seenUntil, firstKey, firstQuery));
  }

  /// As [FusedOps#softMaxBack].
  Tensor softMaxBack(Tensor gradient, Tensor softMax) {
    return noted(fast.fused().softMaxBack(ops, gradient, softMax));
  }

  /// As [FusedOps#swigluBack].
  FusedOps.SwigluGradients swigluBack(Tensor dy, Tensor gate, Tensor up) {
    FusedOps.SwigluGradients gradients = fast.fused().swigluBack(ops, dy, gate, up);
    noted(gradients.gate());
    noted(gradients.up());
    return gradients;
  }

  /// gain `[n]` times x `[n, …]` over the root mean square of each row.
  ///
  /// @param gain null for none
  Tensor rmsNorm(Tensor x, Tensor gain, float epsilon) {
    if (fusesNorm(x, gain)) {
      return noted(fast.fused().rmsNorm(ops, x, gain, epsilon));
    }
    Tensor normed = ops.rmsNorm(x, epsilon);
    return gain == null ? normed : ops.mul(normed, gain);
  }

  /// The gradient of x for [#rmsNorm].
  Tensor rmsNormBack(Tensor dy, Tensor x, Tensor gain, float epsilon) {
    return fusesNorm(x, gain) && dy.isContiguous()
        ? fast.fused().rmsNormBack(ops, dy, x, gain, epsilon)
        : backwardOps.rmsNormBack(gain == null ? dy : ops.mul(dy, gain), x, epsilon);
  }

  private boolean fusesNorm(Tensor x, Tensor gain) {
    return fast != null
        && fast.fused().hasRmsNorm()
        && gain != null
        && gain.type() == TensorType.F32
        && x.isContiguous();
  }

  /// As [FusedOps#crossEntropy].
  public void crossEntropy(Tensor logits, Tensor labels, Tensor weights) {
    fast.fused().crossEntropy(ops, logits, labels, weights);
  }

  /// As [FusedOps#crossEntropyAndGradient].
  public Tensor crossEntropyAndGradient(Tensor logits, Tensor labels, Tensor weights) {
    return noted(fast.fused().crossEntropyAndGradient(ops, logits, labels, weights));
  }

  private Tensor noted(FusedOps.Result result) {
    operands.put(result.values(), result.operand());
    return result.values();
  }

  /// Whether products take tensors of any strides; else such are best copied once.
  boolean takesStrides() {
    return fast != null;
  }

  private Tensor unstrided(Tensor x) {
    return traits.keepsStridedF32() || x.isContiguous() ? x : ops.cont(x);
  }

  /// The sum over tokens of the outer products of x `[m, t]` and y `[p, t]`: `[m, p]`.
  public Tensor outer(Tensor x, Tensor y) {
    if (fast != null) {
      return fast.multiply(ops, ops.transpose(operand(x)), ops.transpose(operand(y)));
    }
    return switch (traits.outer()) {
      case MISSING -> product(ops.cont(ops.transpose(x)), ops.cont(ops.transpose(y)));
      case FOR_LONG_ROWS ->
          x.shape().ne0() < y.shape().ne0()
              ? ops.cont(ops.transpose(ops.outProd(y, x)))
              : ops.outProd(x, y);
      case FAST -> ops.outProd(x, y);
    };
  }

  /// Schedules the sum over tokens of [#outer] to be added to `sum` `[m, p]`, or returns it where
  /// that can't be.
  Optional<Tensor> outerInto(Tensor x, Tensor y, Tensor sum) {
    if (fast == null) {
      return Optional.of(outer(x, y));
    }
    Tensor a = ops.transpose(operand(x));
    fast.multiplyInto(ops, a, ops.transpose(operand(y)), sum, true);
    return Optional.empty();
  }

  /// Joins F32 tensors along a dimension, in a tree so that little is copied twice.
  public static Tensor concat(Ops ops, List<Tensor> parts, int dimension) {
    if (parts.size() == 1) {
      return parts.getFirst();
    }
    int half = parts.size() / 2;
    return ops.concat(
        concat(ops, parts.subList(0, half), dimension),
        concat(ops, parts.subList(half, parts.size()), dimension),
        dimension);
  }
}
