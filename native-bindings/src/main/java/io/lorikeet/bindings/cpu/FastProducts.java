package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.KernelLibrary;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// Matrix products of the CPU by oneDNN, as operations of ggml's graphs: ggml calls back on each of
/// its threads, which computes its part of the result. Belongs to a [Backend].
///
/// Unlike ggml's, they take matrices of any strides, and a weight for its transpose, so no copies
/// are made to multiply. Weights are dequantized by tiles that stay in the processor's cache, or
/// once for several products.
final class FastProducts implements KernelLibrary {
  // Variants of a product, as bits of a number.
  private static final long BY_TOKEN = 1;
  private static final long INTO = 2;
  private static final long ADD = 4;

  /// Products that one operation can add up: ggml takes fewer than ten sources.
  private static final int MOST_TERMS = 4;

  private final OneDnnCallbacks callbacks = new OneDnnCallbacks();
  private final String library;
  private final OneDnnChoice choice;
  private final OneDnnThreads threads;
  private final ProductTasks tasks;
  private final WeightTiles tiles;
  private final MemorySegment multiply;
  private final MemorySegment sum;
  private final MemorySegment sumInto;
  private final MemorySegment copy;
  private final FusedOps fused;

  /// How two matrices are multiplied.
  public enum ProductForm {
    /// a `[k, n]` times b `[k, m]`, both F32 or both of [#activationType], and of any strides as
    /// long as one of the first two dimensions is dense.
    PLAIN,
    /// A contiguous weight `[k, n]` of any type but F32 times b `[k, m]`.
    WEIGHT,
    /// The transpose of a contiguous weight `[n, k]` of any type but F32 times b `[k, m]`.
    TRANSPOSED_WEIGHT
  }

  /// A product `[n, m]` that is part of a sum.
  ///
  /// @param b of [#activationType] with a weight, else of a's type
  public record FastTerm(ProductForm form, Tensor a, Tensor b) {
    private Shape shape() {
      return Shape.of(
          form == ProductForm.TRANSPOSED_WEIGHT ? a.shape().ne0() : a.shape().ne1(),
          b.shape().ne1());
    }

    private long depth() {
      return form == ProductForm.TRANSPOSED_WEIGHT ? a.shape().ne1() : a.shape().ne0();
    }
  }

  FastProducts(String library, OneDnnChoice choice, int threads) {
    this.library = library;
    this.choice = choice;
    this.threads = new OneDnnThreads(choice, threads);
    tiles = new WeightTiles(choice.type(), this.threads);
    tasks = new ProductTasks(choice, this.threads, tiles);
    multiply = callbacks.callback(this::multiply);
    copy =
        callbacks.callback((y, _, worker) -> tiles.copy(OneDnnCallbacks.source(y, 0), y, worker));
    sum = callbacks.callback((y, digits, worker) -> tasks.sum(y, y, decoded(digits), worker));
    sumInto =
        callbacks.callback(
            (node, digits, worker) -> {
              List<ProductForm> forms = decoded(digits);
              tasks.sum(node, OneDnnCallbacks.source(node, 2 * forms.size()), forms, worker);
            });
    fused = new FusedOps(choice.type(), callbacks, this.threads);
    NativeResources.opened("fast products");
  }

  /// The same in another format than the fastest, for tests.
  static FastProducts in(OneDnnChoice choice, int threads) {
    return new FastProducts("oneDNN", choice, threads);
  }

  private void multiply(MemorySegment y, long what, Worker worker) {
    tasks.multiply(
        (what & INTO) == 0 ? y : OneDnnCallbacks.source(y, 2),
        OneDnnCallbacks.source(y, 0),
        OneDnnCallbacks.source(y, 1),
        (what & BY_TOKEN) != 0,
        (what & ADD) != 0,
        worker);
  }

  /// The type that activations are multiplied with weights in: BF16, or F32 where the processor is
  /// faster at that.
  public TensorType activationType() {
    return choice.type();
  }

  @Override
  public Kernels kernels(Ops ops, Kernels otherwise, boolean keepsCopies) {
    return new OneDnnKernels(ops, this, fused, otherwise, keepsCopies);
  }

  /// The operations that are computed row by row.
  public FusedOps fused() {
    return fused;
  }

  @Override
  public ProductFormat format() {
    return choice.format();
  }

  @Override
  public String library() {
    return library;
  }

  /// a `[k, n, p, q]` times b `[k, m, p', q']` gives `[n, m, p', q']`, F32: sums over ne0 of both.
  /// `a` is repeated where p' and q' are multiples of p and q. Both are F32 or of
  /// [#activationType]; one of the first two dimensions of each is dense.
  public Tensor multiply(Ops ops, Tensor a, Tensor b) {
    requireProduct(ops, a, b);
    return product(ops, a, b, productShape(a, b), 0);
  }

  /// The same with the second and third dimension of the result swapped: `[n, p', m, q']`.
  public Tensor multiplyByToken(Ops ops, Tensor a, Tensor b) {
    requireProduct(ops, a, b);
    return product(ops, a, b, swapped(productShape(a, b)), BY_TOKEN);
  }

  /// Schedules a product whose result goes into another tensor: what uses that from now on runs
  /// later.
  ///
  /// @param y F32 of [#multiply]'s shape, with dense rows
  /// @param add whether to add to what y holds
  public void multiplyInto(Ops ops, Tensor a, Tensor b, Tensor y, boolean add) {
    requireProduct(ops, a, b);
    into(ops, a, b, y, productShape(a, b), add ? ADD : 0);
  }

  /// The same with y of [#multiplyByToken]'s shape.
  public void multiplyByTokenInto(Ops ops, Tensor a, Tensor b, Tensor y, boolean add) {
    requireProduct(ops, a, b);
    into(ops, a, b, y, swapped(productShape(a, b)), BY_TOKEN | (add ? ADD : 0));
  }

  private static Shape productShape(Tensor a, Tensor b) {
    Shape right = b.shape();
    return new Shape(a.shape().ne1(), right.ne1(), right.ne2(), right.ne3());
  }

  private static Shape swapped(Shape shape) {
    return new Shape(shape.ne0(), shape.ne2(), shape.ne1(), shape.ne3());
  }

  private Tensor product(Ops ops, Tensor a, Tensor b, Shape shape, long what) {
    return ops.custom("product", TensorType.F32, shape, callback(what), a, b);
  }

  private void into(Ops ops, Tensor a, Tensor b, Tensor y, Shape shape, long what) {
    ops.require(
        y.type() == TensorType.F32 && Ops.hasDenseRows(y) && y.shape().equals(shape),
        "a product's result",
        y);
    ops.schedule(
        ops.custom("product into", TensorType.F32, Shape.of(1), callback(what | INTO), a, b, y));
  }

  private Ops.Callback callback(long what) {
    return new Ops.Callback(multiply, what, threads.count());
  }

  /// Whether a frozen weight is dequantized to be multiplied: by tiles in every product, or once by
  /// [#copy].
  public boolean dequantizes(Tensor weight) {
    return weight.type() != TensorType.F32 && !choice.multiplies(weight.type());
  }

  /// A contiguous weight `[k, n]` in [#activationType], to be multiplied as in [ProductForm#PLAIN].
  public Tensor copy(Ops ops, Tensor weight) {
    ops.require(isWeight(weight), "a copy", weight);
    Ops.Callback callback = new Ops.Callback(copy, 0, threads.count());
    return ops.custom("dequantized", activationType(), weight.shape(), callback, weight);
  }

  private void requireProduct(Ops ops, Tensor a, Tensor b) {
    Shape left = a.shape();
    Shape right = b.shape();
    ops.require(
        left.ne0() == right.ne0()
            && right.ne2() % left.ne2() == 0
            && right.ne3() % left.ne3() == 0
            && isFloat(a)
            && isFloat(b)
            && hasDenseDimension(a)
            && hasDenseDimension(b),
        "a product",
        a,
        b);
  }

  private boolean isFloat(Tensor x) {
    return x.type() == TensorType.F32 || x.type() == activationType();
  }

  /// The sum of products of one shape `[n, m]`, F32.
  public Tensor sum(Ops ops, List<FastTerm> terms) {
    terms.forEach(term -> require(ops, term, terms.getFirst().shape()));
    int first = Math.min(MOST_TERMS, terms.size());
    Tensor result = partialSum(ops, terms.subList(0, first));
    for (; first < terms.size(); first += MOST_TERMS) {
      int last = Math.min(first + MOST_TERMS, terms.size());
      result = ops.add(result, partialSum(ops, terms.subList(first, last)));
    }
    return result;
  }

  /// Schedules the sum of a few products of one shape, written into another tensor: what uses that
  /// from now on runs later.
  ///
  /// @param y F32 of the products' shape, with dense rows
  public void sumInto(Ops ops, List<FastTerm> terms, Tensor y) {
    terms.forEach(term -> require(ops, term, y.shape()));
    ops.require(
        terms.size() <= MOST_TERMS && y.type() == TensorType.F32 && Ops.hasDenseRows(y),
        "a sum's result",
        y);
    Tensor[] sources = Stream.concat(sources(terms), Stream.of(y)).toArray(Tensor[]::new);
    Ops.Callback callback = new Ops.Callback(sumInto, encoded(terms), threads.count());
    ops.schedule(ops.custom(name(terms), TensorType.F32, Shape.of(1), callback, sources));
  }

  private static Stream<Tensor> sources(List<FastTerm> terms) {
    return terms.stream().flatMap(term -> Stream.of(term.a(), term.b()));
  }

  private static String name(List<FastTerm> terms) {
    boolean weights = terms.stream().anyMatch(term -> term.form() != ProductForm.PLAIN);
    return weights ? "products with weights" : "products";
  }

  private Tensor partialSum(Ops ops, List<FastTerm> terms) {
    return ops.custom(
        name(terms),
        TensorType.F32,
        terms.getFirst().shape(),
        new Ops.Callback(sum, encoded(terms), threads.count()),
        sources(terms).toArray(Tensor[]::new));
  }

  /// Forms as the digits of a number, which ggml hands back to the callback.
  private static long encoded(List<FastTerm> terms) {
    long digits = 0;
    for (FastTerm term : terms.reversed()) {
      digits = digits * (ProductForm.values().length + 1) + term.form().ordinal() + 1;
    }
    return digits;
  }

  private static List<ProductForm> decoded(long digits) {
    List<ProductForm> forms = new ArrayList<>();
    for (long rest = digits; rest > 0; rest /= ProductForm.values().length + 1) {
      forms.add(ProductForm.values()[(int) (rest % (ProductForm.values().length + 1)) - 1]);
    }
    return forms;
  }

  private void require(Ops ops, FastTerm term, Shape shape) {
    Tensor a = term.a();
    Tensor b = term.b();
    boolean plain = term.form() == ProductForm.PLAIN;
    ops.require(
        term.depth() == b.shape().ne0()
            && term.shape().equals(shape)
            && a.shape().rows() == a.shape().ne1()
            && b.shape().rows() == b.shape().ne1()
            && hasDenseDimension(b)
            && (plain
                ? isFloat(a) && a.type() == b.type() && hasDenseDimension(a)
                : isWeight(a) && b.type() == activationType()),
        "a sum of products",
        a,
        b);
  }

  private static boolean isWeight(Tensor a) {
    return a.isContiguous()
        && (a.type().isQuantized() || a.type() == TensorType.F16 || a.type() == TensorType.BF16);
  }

  private static boolean hasDenseDimension(Tensor x) {
    long element = x.type().blockBytes();
    return x.stride(0) == element || x.stride(1) == element;
  }

  @Override
  public String toString() {
    return library + " in " + activationType();
  }

  @Override
  public void rethrow() {
    callbacks.rethrow();
  }

  @Override
  public void close() {
    tiles.close();
    threads.close();
    callbacks.close();
    NativeResources.closed("fast products");
  }
}
