package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The share of a matrix product of each of several threads: the thread's part of the result, and
/// its computation by oneDNN. Matrices are native ggml tensors.
final class ProductTasks {
  /// A part begins at a multiple of this: at a cache line, and at a block of many quantized types.
  private static final long PART_STEP = 32;

  /// Elements of a weight that a thread dequantizes at a time: half a megabyte in F32, which fits a
  /// core's own cache.
  private static final long TILE = 128 << 10;

  /// Columns of a weight whose transpose is multiplied at a time: with the tokens of a tile, their
  /// sums fit that cache too.
  private static final long BLOCK = 512;

  private final OneDnnChoice choice;
  private final OneDnnThreads threads;
  private final WeightTiles tiles;

  /// A run of indices.
  record TaskRange(long first, long last) {
    long count() {
      return last - first;
    }

    /// Part `index` of `count` parts of `size`, each a multiple of `step` but the last.
    static TaskRange part(long size, long index, long count, long step) {
      return new TaskRange(border(size, index, count, step), border(size, index + 1, count, step));
    }

    private static long border(long size, long index, long count, long step) {
      return index == count ? size : size * index / count / step * step;
    }
  }

  /// One of the threads that compute a result.
  record Worker(int index, int count) {
    /// Which of `groups` of threads it is in.
    long group(long groups) {
      return index / (count / groups);
    }

    /// The thread as one of those of its group.
    Worker withinGroups(long groups) {
      int size = Math.toIntExact(count / groups);
      return new Worker(index % size, size);
    }
  }

  /// A thread's part of a result `[n, m]`.
  private record Grid(TaskRange n, TaskRange m) {

    /// Cuts n into as many parts as leave the largest of all parts smallest, and m for the rest of
    /// the threads.
    static Grid of(long n, long m, long step, Worker worker) {
      long best = 1;
      long least = Long.MAX_VALUE;
      for (long byN = worker.count(); byN > 0; byN--) {
        if (worker.count() % byN == 0) {
          long largest = largest(n, byN, step) * largest(m, worker.count() / byN, PART_STEP);
          if (largest < least) {
            best = byN;
            least = largest;
          }
        }
      }
      return new Grid(
          TaskRange.part(n, worker.group(best), best, step),
          TaskRange.part(m, worker.withinGroups(best).index(), worker.count() / best, PART_STEP));
    }

    private static long largest(long size, long parts, long step) {
      long largest = 0;
      for (long i = 0; i < parts; i++) {
        largest = Math.max(largest, TaskRange.part(size, i, parts, step).count());
      }
      return largest;
    }

    boolean isEmpty() {
      return n.count() == 0 || m.count() == 0;
    }
  }

  ProductTasks(OneDnnChoice choice, OneDnnThreads threads, WeightTiles tiles) {
    this.choice = choice;
    this.threads = threads;
    this.tiles = tiles;
  }

  /// a `[k, n, p, q]` times b `[k, m, p', q']` gives y `[n, m, p', q']`, or `[n, p', m, q']` where
  /// `byToken`.
  ///
  /// @param add whether to add to what y holds
  void multiply(
      MemorySegment y,
      MemorySegment a,
      MemorySegment b,
      boolean byToken,
      boolean add,
      Worker worker) {
    int headDimension = byToken ? 1 : 2;
    int columnDimension = byToken ? 2 : 1;
    long columns = ggml_tensor.ne(y, columnDimension);
    long heads = ggml_tensor.ne(y, headDimension);
    long sharing = heads / ggml_tensor.ne(a, 2);
    if (!byToken && isPacked(b) && isPacked(y)) {
      // Those that share one of a's matrices are one with more columns.
      columns *= sharing;
      heads /= sharing;
      sharing = 1;
    }
    long matrices = heads * ggml_tensor.ne(y, 3);
    // Whole matrices first, then columns of a, then of b.
    long byMatrix = greatestDivisor(worker.count(), matrices);
    TaskRange of = TaskRange.part(matrices, worker.group(byMatrix), byMatrix, 1);
    Grid grid = Grid.of(ggml_tensor.ne(y, 0), columns, PART_STEP, worker.withinGroups(byMatrix));
    if (grid.isEmpty()) {
      return;
    }
    OneDnnPrimitive product = product(worker, form(a, b, add, grid, stride(y, columnDimension)));
    long merged = ggml_tensor.ne(y, headDimension) / heads;
    long repeats3 = ggml_tensor.ne(y, 3) / ggml_tensor.ne(a, 3);
    long n = grid.n().first();
    long m = grid.m().first();
    for (long i = of.first(); i < of.last(); i++) {
      long i2 = i % heads;
      long i3 = i / heads;
      product.run(
          address(a, 0, n, i2 / sharing, i3 / repeats3),
          address(b, 0, m, i2 * merged, i3),
          byToken ? address(y, n, i2, m, i3) : address(y, n, m, i2 * merged, i3));
    }
  }

  /// Whether the columns of all heads of a row follow one another.
  private static boolean isPacked(MemorySegment x) {
    return ggml_tensor.nb(x, 2) == ggml_tensor.ne(x, 1) * ggml_tensor.nb(x, 1);
  }

  /// Writes the sum of the products that a node names as its sources, two for each, to y `[n, m]`.
  ///
  /// @param forms of each product
  void sum(
      MemorySegment node, MemorySegment y, List<FastProducts.ProductForm> forms, Worker worker) {
    long step = PART_STEP;
    for (int i = 0; i < forms.size(); i++) {
      if (forms.get(i) == FastProducts.ProductForm.TRANSPOSED_WEIGHT) {
        // Rows of the weight are cut, between two of their blocks.
        step = Math.max(step, type(OneDnnCallbacks.source(node, 2 * i)).blockSize());
      }
    }
    Grid grid = Grid.of(ggml_tensor.ne(y, 0), ggml_tensor.ne(y, 1), step, worker);
    if (grid.isEmpty()) {
      return;
    }
    // All terms of a block before the next block, while its sum is in the processor's cache.
    TaskRange n = grid.n();
    long width = Math.max(step, blockWidth(node, forms, grid) / step * step);
    for (long first = n.first(); first < n.last(); first += width) {
      TaskRange block = new TaskRange(first, Math.min(first + width, n.last()));
      addTerms(node, y, forms, new Grid(block, grid.m()), worker);
    }
  }

  /// How much of the result's first dimension to compute at a time.
  private long blockWidth(MemorySegment node, List<FastProducts.ProductForm> forms, Grid grid) {
    long width =
        forms.size() == 1 ? grid.n().count() : Math.max(PART_STEP, TILE / grid.m().count());
    for (int i = 0; i < forms.size(); i++) {
      MemorySegment a = OneDnnCallbacks.source(node, 2 * i);
      if (forms.get(i) != FastProducts.ProductForm.PLAIN && !canMultiply(a)) {
        boolean transposed = forms.get(i) == FastProducts.ProductForm.TRANSPOSED_WEIGHT;
        width = Math.min(width, transposed ? BLOCK : tileRows(ggml_tensor.ne(a, 0)));
      }
    }
    return width;
  }

  private void addTerms(
      MemorySegment node,
      MemorySegment y,
      List<FastProducts.ProductForm> forms,
      Grid grid,
      Worker worker) {
    for (int i = 0; i < forms.size(); i++) {
      MemorySegment a = OneDnnCallbacks.source(node, 2 * i);
      MemorySegment b = OneDnnCallbacks.source(node, 2 * i + 1);
      switch (forms.get(i)) {
        case PLAIN -> addPlain(a, b, y, grid, i > 0, worker);
        case WEIGHT -> addWeight(a, b, y, grid, i > 0, worker);
        case TRANSPOSED_WEIGHT -> addTransposedWeight(a, b, y, grid, i > 0, worker);
      }
    }
  }

  /// y += a b, for a `[k, n]` and b `[k, m]`.
  private void addPlain(
      MemorySegment a, MemorySegment b, MemorySegment y, Grid grid, boolean add, Worker worker) {
    long n = grid.n().first();
    long m = grid.m().first();
    product(worker, form(a, b, add, grid, stride(y, 1)))
        .run(address(a, 0, n, 0, 0), address(b, 0, m, 0, 0), address(y, n, m, 0, 0));
  }

  /// y += W x, for W `[k, n]` and x `[k, m]`.
  private void addWeight(
      MemorySegment w, MemorySegment x, MemorySegment y, Grid grid, boolean add, Worker worker) {
    long k = ggml_tensor.ne(w, 0);
    TaskRange rows = grid.n();
    TaskRange m = grid.m();
    long step = canMultiply(w) ? rows.count() : tileRows(k);
    for (long first = rows.first(); first < rows.last(); first += step) {
      TaskRange tile = new TaskRange(first, Math.min(first + step, rows.last()));
      OneDnnProduct form =
          new OneDnnProduct(
              canMultiply(w) ? TensorType.BF16 : choice.type(),
              type(x),
              add,
              k,
              tile.count(),
              m.count(),
              1,
              k,
              stride(x, 0),
              stride(x, 1),
              stride(y, 1));
      product(worker, form)
          .run(
              weights(w, tile, new TaskRange(0, k), worker),
              address(x, 0, m.first(), 0, 0),
              address(y, tile.first(), m.first(), 0, 0));
    }
  }

  /// y += Wᵀ x, for W `[n, k]` and x `[k, m]`.
  private void addTransposedWeight(
      MemorySegment w, MemorySegment x, MemorySegment y, Grid grid, boolean add, Worker worker) {
    long k = ggml_tensor.ne(w, 1);
    TaskRange columns = grid.n();
    TaskRange m = grid.m();
    long step = canMultiply(w) ? k : tileRows(columns.count());
    for (long first = 0; first < k; first += step) {
      TaskRange tile = new TaskRange(first, Math.min(first + step, k));
      OneDnnProduct form =
          new OneDnnProduct(
              canMultiply(w) ? TensorType.BF16 : choice.type(),
              type(x),
              add || first > 0,
              tile.count(),
              columns.count(),
              m.count(),
              canMultiply(w) ? ggml_tensor.ne(w, 0) : columns.count(),
              1,
              stride(x, 0),
              stride(x, 1),
              stride(y, 1));
      product(worker, form)
          .run(
              weights(w, tile, columns, worker),
              address(x, tile.first(), m.first(), 0, 0),
              address(y, columns.first(), m.first(), 0, 0));
    }
  }

  /// The greatest divisor of `threads` that is at most `limit`, and at least 1.
  private static long greatestDivisor(long threads, long limit) {
    for (long divisor = Math.min(threads, limit); divisor > 1; divisor--) {
      if (threads % divisor == 0) {
        return divisor;
      }
    }
    return 1;
  }

  private static long tileRows(long columns) {
    return Math.max(PART_STEP, TILE / columns / PART_STEP * PART_STEP);
  }

  private boolean canMultiply(MemorySegment w) {
    return choice.multiplies(type(w));
  }

  /// The address of a part of a weight that can be multiplied: its own, or that of the dequantized
  /// copy of whole rows' `columns`, which is as wide as they are.
  private long weights(MemorySegment w, TaskRange rows, TaskRange columns, Worker worker) {
    return canMultiply(w)
        ? address(w, columns.first(), rows.first(), 0, 0)
        : tiles.fill(w, rows, columns, worker.index());
  }

  /// The product of a part of a and b, neither of them quantized.
  ///
  /// @param stride elements from a column of the result to the next
  private static OneDnnProduct form(
      MemorySegment a, MemorySegment b, boolean add, Grid grid, long stride) {
    return new OneDnnProduct(
        type(a),
        type(b),
        add,
        ggml_tensor.ne(a, 0),
        grid.n().count(),
        grid.m().count(),
        stride(a, 0),
        stride(a, 1),
        stride(b, 0),
        stride(b, 1),
        stride);
  }

  private OneDnnPrimitive product(Worker worker, OneDnnProduct form) {
    return threads.primitive(worker.index(), form);
  }

  static TensorType type(MemorySegment x) {
    return TensorType.byId(ggml_tensor.type(x)).orElseThrow();
  }

  /// In elements, of a tensor that isn't quantized.
  private static long stride(MemorySegment x, int dimension) {
    return ggml_tensor.nb(x, dimension) / type(x).blockBytes();
  }

  private static long address(MemorySegment x, long i0, long i1, long i2, long i3) {
    return ggml_tensor.data(x).address()
        + i0 * ggml_tensor.nb(x, 0)
        + i1 * ggml_tensor.nb(x, 1)
        + i2 * ggml_tensor.nb(x, 2)
        + i3 * ggml_tensor.nb(x, 3);
  }
}
