package io.lorikeet.bindings;

import io.lorikeet.ggml.ggml_custom_op_t;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Matrix products of the CPU by oneDNN, as operations of ggml's graphs: ggml calls back on each of
/// its threads, which computes its part of the result. Belongs to a [Backend].
///
/// Unlike ggml's, they take matrices of any strides, and a weight for its transpose: no copies are
/// made to multiply, and weights are dequantized by tiles that stay in the processor's cache.
public final class FastProducts {
  private final Arena arena = Arena.ofShared();
  private final ProductTasks tasks;
  private final MemorySegment multiply;
  private final MemorySegment multiplyWeight;
  private final MemorySegment multiplyTransposed;
  private volatile Throwable failure;

  /// What a callback computes its part of.
  @FunctionalInterface
  private interface Part {
    void compute(MemorySegment a, MemorySegment b, MemorySegment y, int thread, int threads);
  }

  private FastProducts(OneDnnLibrary library, int threads) {
    tasks = new ProductTasks(library.choice(), threads);
    multiply = callback(tasks::multiply);
    multiplyWeight = callback(tasks::multiplyWeight);
    multiplyTransposed = callback(tasks::multiplyTransposed);
    NativeResources.opened("fast products");
  }

  /// For a backend of `threads` threads, or empty where ggml's products are the best there are.
  static Optional<FastProducts> open(int threads) {
    return OneDnnLibrary.load().map(library -> new FastProducts(library, threads));
  }

  /// A function for ggml to call. Nothing may be thrown into it: it would end the process.
  private MemorySegment callback(Part part) {
    return ggml_custom_op_t.allocate(
        (result, thread, threads, _) -> {
          try {
            MemorySegment y = ProductTasks.tensor(result);
            MemorySegment a = ProductTasks.tensor(ggml_tensor.src(y, 0));
            MemorySegment b = ProductTasks.tensor(ggml_tensor.src(y, 1));
            part.compute(a, b, y, thread, threads);
          } catch (Throwable e) {
            failure = e;
          }
        },
        arena);
  }

  /// The type that weights are dequantized to.
  public TensorType weightType() {
    return tasks.choice().weights();
  }

  /// The type that activations are multiplied with weights in: BF16, or F32 where the processor is
  /// faster at that.
  public TensorType activationType() {
    return tasks.choice().activations();
  }

  /// a [k, n, p, q] times b [k, m, p', q'] gives [n, m, p', q'], F32: sums over ne0 of both. `a` is
  /// repeated where p' and q' are multiples of p and q. Both are F32; one of the first two
  /// dimensions of each is dense.
  public Tensor multiply(Ops ops, Tensor a, Tensor b) {
    Shape left = a.shape();
    Shape right = b.shape();
    ops.require(
        left.ne0() == right.ne0()
            && right.ne2() % left.ne2() == 0
            && right.ne3() % left.ne3() == 0
            && a.type() == TensorType.F32
            && b.type() == TensorType.F32
            && hasDenseDimension(a)
            && hasDenseDimension(b),
        "a product",
        a,
        b);
    Shape shape = new Shape(left.ne1(), right.ne1(), right.ne2(), right.ne3());
    return ops.custom("product", shape, multiply, tasks.count(), a, b);
  }

  /// W x for a contiguous weight [k, n] of any type but F32 and x [k, t] of [#activationType]: [n,
  /// t], F32.
  public Tensor weightTimes(Ops ops, Tensor weight, Tensor x) {
    requireWeight(ops, weight, x);
    ops.require(weight.shape().ne0() == x.shape().ne0(), "a weight's product", weight, x);
    Shape shape = Shape.of(weight.shape().ne1(), x.shape().ne1());
    return ops.custom("a weight's product", shape, multiplyWeight, tasks.count(), weight, x);
  }

  /// Wᵀ y for a contiguous weight [k, n] of any type but F32 and y [n, t] of [#activationType]: [k,
  /// t], F32.
  public Tensor transposedWeightTimes(Ops ops, Tensor weight, Tensor y) {
    requireWeight(ops, weight, y);
    ops.require(
        weight.shape().ne1() == y.shape().ne0(), "a weight's transposed product", weight, y);
    Shape shape = Shape.of(weight.shape().ne0(), y.shape().ne1());
    return ops.custom(
        "a weight's transposed product", shape, multiplyTransposed, tasks.count(), weight, y);
  }

  private void requireWeight(Ops ops, Tensor weight, Tensor x) {
    ops.require(
        weight.shape().rows() == weight.shape().ne1()
            && x.shape().rows() == x.shape().ne1()
            && weight.isContiguous()
            && x.type() == activationType()
            && hasDenseDimension(x)
            && (weight.type().isQuantized()
                || weight.type() == TensorType.F16
                || weight.type() == TensorType.BF16),
        "a weight's product",
        weight,
        x);
  }

  private static boolean hasDenseDimension(Tensor x) {
    long element = x.type().blockBytes();
    return x.stride(0) == element || x.stride(1) == element;
  }

  /// @throws GgmlException when an operation failed since the last call
  void rethrow() {
    Throwable e = failure;
    if (e != null) {
      failure = null;
      throw new GgmlException("a product by oneDNN failed: " + e.getMessage(), e);
    }
  }

  /// Ends it, when no graph with its operations runs any more.
  void close() {
    tasks.close();
    arena.close();
    NativeResources.closed("fast products");
  }
}
