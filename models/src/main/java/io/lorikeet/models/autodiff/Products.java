package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.FastProducts;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The matrix products of one graph, in the number formats that suit the backend.
///
/// Gradients are never computed in F16: values of 1e-8 vanish there and large ones overflow. Where
/// a backend would round F32 products to F16, one side is cast to BF16, which has F32's range.
public final class Products {
  private static final long CHUNK_ELEMENTS = 16L << 20;

  private final Ops ops;
  private final Tensor rowNumbers;
  private final boolean keepsF32;
  private final boolean keepsStridedF32;
  private final boolean hasOuterProduct;
  private final Precision precision;
  private final long chunkElements;
  private final ExpertProducts experts;

  /// Null where there are none, or where they aren't exact enough.
  private final FastProducts fast;
  private final Map<Tensor, List<Chunk>> dequantized = new HashMap<>();
  private final Map<Tensor, List<Chunk>> transposed = new HashMap<>();
  private final Map<Tensor, Tensor> operands = new HashMap<>();

  /// Rows of a frozen matrix, from `first` on, in a format that can be multiplied.
  private record Chunk(long first, long rows, Tensor matrix) {}

  /// @param rowNumbers I32 [n] placeholder of 0, 1, 2, …; n is at least the number of rows of any
  ///     frozen matrix
  public Products(Ops ops, Backend backend, Precision precision, Tensor rowNumbers) {
    this(ops, backend, precision, rowNumbers, CHUNK_ELEMENTS);
  }

  /// @param chunkElements elements of a frozen matrix that are dequantized at a time
  Products(Ops ops, Backend backend, Precision precision, Tensor rowNumbers, long chunkElements) {
    this.ops = ops;
    this.chunkElements = chunkElements;
    this.rowNumbers = rowNumbers;
    this.precision = precision;
    keepsF32 = backend.keepsF32Products();
    keepsStridedF32 = backend.keepsStridedF32Products();
    hasOuterProduct = backend.isCpu();
    experts = new ExpertProducts(ops, backend, this, rowNumbers);
    fast = precision == Precision.AUTO ? backend.fastProducts().orElse(null) : null;
  }

  /// The products with the matrices of experts.
  ExpertProducts ofExperts() {
    return experts;
  }

  /// Whether gradients are being checked, with everything as exact as the device can.
  boolean isForChecking() {
    return precision == Precision.F32;
  }

  /// W x for a frozen weight [k, n] of any type and x [k, t]: [n, t].
  public Tensor frozen(Tensor weight, Tensor x) {
    if (isFast(weight)) {
      return fast.weightTimes(ops, weight, operand(x));
    }
    if (precision != Precision.F32) {
      return weight.type() == TensorType.F32 ? product(weight, x) : ops.mulMat(weight, x);
    }
    List<Tensor> parts = new ArrayList<>();
    for (Chunk chunk : dequantized.computeIfAbsent(weight, w -> chunks(w, false))) {
      parts.add(product(chunk.matrix(), x));
    }
    return concat(ops, parts, 0);
  }

  /// The gradient of x, [k, t], where dy [n, t] is that of W x: Wᵀ dy, from a transposed copy of W
  /// made in scratch memory, unless the backend multiplies by transposed weights.
  public Tensor frozenBack(Tensor weight, Tensor dy) {
    if (isFast(weight)) {
      return fast.transposedWeightTimes(ops, weight, operand(dy));
    }
    if (fast != null) {
      return fast.multiply(ops, ops.transpose(weight), dy);
    }
    List<Chunk> chunks = transposed.computeIfAbsent(weight, w -> chunks(w, true));
    Tensor sum = null;
    for (Chunk chunk : chunks) {
      Tensor part =
          chunks.size() == 1
              ? dy
              : ops.view(dy, Shape.of(chunk.rows(), dy.shape().ne1()), chunk.first() * Float.BYTES);
      Tensor product = ops.mulMat(chunk.matrix(), keepsF32 ? unstrided(part) : part);
      sum = sum == null ? product : ops.add(sum, product);
    }
    return sum;
  }

  /// Weights in F32 are multiplied like activations, without loss.
  private boolean isFast(Tensor weight) {
    return fast != null && weight.type() != TensorType.F32;
  }

  /// An activation in the type that weights are multiplied with, converted once.
  private Tensor operand(Tensor x) {
    return fast.activationType() == x.type()
        ? x
        : operands.computeIfAbsent(x, _ -> ops.cast(x, fast.activationType()));
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
      if (transpose) {
        Tensor view = ops.transpose(matrix);
        boolean inF32 = precision == Precision.F32 && keepsF32;
        matrix = inF32 ? ops.cont(view) : ops.cast(view, TensorType.BF16);
      }
      chunks.add(new Chunk(first, count, matrix));
    }
    return chunks;
  }

  /// The product of two activations or small matrices in F32, as [Ops#mulMat]: a [k, n, …], b [k,
  /// m, …] give [n, m, …].
  public Tensor product(Tensor a, Tensor b) {
    if (fast != null) {
      return fast.multiply(ops, a, b);
    }
    return ops.mulMat(
        keepsF32 ? unstrided(a) : ops.cast(a, TensorType.BF16), keepsF32 ? unstrided(b) : b);
  }

  /// The product of the transpose of `a` with b: a [n, k, …], b [k, m, …] give [n, m, …].
  public Tensor transposedProduct(Tensor a, Tensor b) {
    Tensor transpose = ops.transpose(a);
    return product(fast == null ? ops.cont(transpose) : transpose, b);
  }

  private Tensor unstrided(Tensor x) {
    return keepsStridedF32 || x.isContiguous() ? x : ops.cont(x);
  }

  /// The sum over tokens of the outer products of x [m, t] and y [p, t]: [m, p].
  public Tensor outer(Tensor x, Tensor y) {
    if (fast != null) {
      return fast.multiply(ops, ops.transpose(x), ops.transpose(y));
    }
    if (!hasOuterProduct) {
      return product(ops.cont(ops.transpose(x)), ops.cont(ops.transpose(y)));
    }
    // ggml's kernel is fast where the result's rows are long.
    return x.shape().ne0() < y.shape().ne0()
        ? ops.cont(ops.transpose(ops.outProd(y, x)))
        : ops.outProd(x, y);
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
