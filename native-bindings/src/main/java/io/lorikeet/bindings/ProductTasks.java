package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import io.lorikeet.ggml.ggml_to_float_t;
import io.lorikeet.ggml.ggml_type_traits;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What each of several threads does of a matrix product: which part of the result is its own, and
/// how that is computed by oneDNN. Matrices are native ggml tensors.
final class ProductTasks implements AutoCloseable {
  /// Rows or columns that a thread takes at least of a result; fewer aren't worth dividing.
  private static final long LEAST_PART = 64;

  /// A part begins at a multiple of this: of a cache line, and of every block of quantized values.
  private static final long PART_STEP = 32;

  private static final long WEIGHT_PART_STEP = 256;

  /// Elements of a weight that a thread dequantizes at a time: half a megabyte in BF16, which fits
  /// a core's own cache.
  private static final long TILE = 256 << 10;

  /// Elements that are dequantized to F32 on their way.
  private static final long STRIP = 8192;

  private final Arena arena = Arena.ofShared();
  private final OneDnnChoice choice;
  private final MemorySegment engine;
  private final List<Task> tasks = new ArrayList<>();

  /// What belongs to one of the threads.
  private static final class Task {
    private final MemorySegment stream;
    private final MemorySegment strip;
    private final Map<OneDnnProduct.Form, OneDnnProduct> products = new HashMap<>();
    private MemorySegment tile = MemorySegment.NULL;

    Task(MemorySegment stream, MemorySegment strip) {
      this.stream = stream;
      this.strip = strip;
    }
  }

  /// A run of indices.
  private record Range(long first, long last) {
    long count() {
      return last - first;
    }

    /// Part `index` of `count` parts of `size`, each a multiple of `step` but the last.
    static Range part(long size, long index, long count, long step) {
      return new Range(border(size, index, count, step), border(size, index + 1, count, step));
    }

    private static long border(long size, long index, long count, long step) {
      return index == count ? size : size * index / count / step * step;
    }
  }

  ProductTasks(OneDnnChoice choice, int threads) {
    this.choice = choice;
    MemorySegment out = arena.allocate(ADDRESS);
    OneDnnProduct.check(OneDnn.dnnl_engine_create(out, OneDnn.dnnl_cpu(), 0), "start");
    engine = out.get(ADDRESS, 0);
    for (int i = 0; i < threads; i++) {
      OneDnnProduct.check(
          OneDnn.dnnl_stream_create(out, engine, OneDnn.dnnl_stream_in_order()), "start");
      tasks.add(new Task(out.get(ADDRESS, 0), arena.allocate(JAVA_FLOAT, STRIP)));
    }
  }

  OneDnnChoice choice() {
    return choice;
  }

  int count() {
    return tasks.size();
  }

  static MemorySegment tensor(MemorySegment address) {
    return address.reinterpret(ggml_tensor.sizeof());
  }

  /// a [k, n, p, q] times b [k, m, p', q'] gives y [n, m, p', q'].
  void multiply(MemorySegment a, MemorySegment b, MemorySegment y, int thread, int threads) {
    long heads = ggml_tensor.ne(y, 2);
    long matrices = heads * ggml_tensor.ne(y, 3);
    // Whole matrices first, then columns of a, then of b.
    long byMatrix = greatestDivisor(threads, matrices);
    long byN = greatestDivisor(threads / byMatrix, ggml_tensor.ne(y, 0) / LEAST_PART);
    long byM = threads / byMatrix / byN;
    Range of = Range.part(matrices, thread / (byN * byM), byMatrix, 1);
    Range n = Range.part(ggml_tensor.ne(y, 0), thread / byM % byN, byN, PART_STEP);
    Range m = Range.part(ggml_tensor.ne(y, 1), thread % byM, byM, PART_STEP);
    if (n.count() == 0 || m.count() == 0) {
      return;
    }
    OneDnnProduct product =
        product(
            thread,
            new OneDnnProduct.Form(
                type(a),
                type(b),
                false,
                ggml_tensor.ne(a, 0),
                n.count(),
                m.count(),
                stride(a, 0),
                stride(a, 1),
                stride(b, 0),
                stride(b, 1),
                stride(y, 1)));
    long repeats2 = heads / ggml_tensor.ne(a, 2);
    long repeats3 = ggml_tensor.ne(y, 3) / ggml_tensor.ne(a, 3);
    for (long i = of.first(); i < of.last(); i++) {
      long i2 = i % heads;
      long i3 = i / heads;
      product.run(
          address(a, 0, n.first(), i2 / repeats2, i3 / repeats3),
          address(b, 0, m.first(), i2, i3),
          address(y, n.first(), m.first(), i2, i3));
    }
  }

  /// W [k, n] times x [k, m] gives y [n, m].
  void multiplyWeight(MemorySegment w, MemorySegment x, MemorySegment y, int thread, int threads) {
    long byN = greatestDivisor(threads, ggml_tensor.ne(w, 1) / LEAST_PART);
    Range rows = Range.part(ggml_tensor.ne(w, 1), thread % byN, byN, PART_STEP);
    Range m = Range.part(ggml_tensor.ne(y, 1), thread / byN, threads / byN, PART_STEP);
    if (rows.count() == 0 || m.count() == 0) {
      return;
    }
    long k = ggml_tensor.ne(w, 0);
    long step = canMultiply(w) ? rows.count() : tileRows(k);
    for (long first = rows.first(); first < rows.last(); first += step) {
      Range tile = new Range(first, Math.min(first + step, rows.last()));
      OneDnnProduct.Form form =
          new OneDnnProduct.Form(
              choice.weights(),
              type(x),
              false,
              k,
              tile.count(),
              m.count(),
              1,
              k,
              stride(x, 0),
              stride(x, 1),
              stride(y, 1));
      product(thread, form)
          .run(
              weights(w, tile, new Range(0, k), thread),
              address(x, 0, m.first(), 0, 0),
              address(y, tile.first(), m.first(), 0, 0));
    }
  }

  /// The transpose of W [k, n] times x [n, m] gives y [k, m].
  void multiplyTransposed(
      MemorySegment w, MemorySegment x, MemorySegment y, int thread, int threads) {
    long k = ggml_tensor.ne(w, 0);
    long byK = greatestDivisor(threads, k / WEIGHT_PART_STEP);
    Range columns = Range.part(k, thread % byK, byK, WEIGHT_PART_STEP);
    Range m = Range.part(ggml_tensor.ne(y, 1), thread / byK, threads / byK, PART_STEP);
    if (columns.count() == 0 || m.count() == 0) {
      return;
    }
    long n = ggml_tensor.ne(w, 1);
    long step = canMultiply(w) ? n : tileRows(columns.count());
    for (long first = 0; first < n; first += step) {
      Range tile = new Range(first, Math.min(first + step, n));
      OneDnnProduct.Form form =
          new OneDnnProduct.Form(
              choice.weights(),
              type(x),
              first > 0,
              tile.count(),
              columns.count(),
              m.count(),
              canMultiply(w) ? k : columns.count(),
              1,
              stride(x, 0),
              stride(x, 1),
              stride(y, 1));
      product(thread, form)
          .run(
              weights(w, tile, columns, thread),
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
    return type(w) == choice.weights();
  }

  /// The address of a part of a weight that can be multiplied: its own, or that of the dequantized
  /// copy of whole rows' `columns`, which is as wide as they are.
  private long weights(MemorySegment w, Range rows, Range columns, int thread) {
    TensorType type = type(w);
    if (canMultiply(w)) {
      return address(w, columns.first(), rows.first(), 0, 0);
    }
    Task task = tasks.get(thread);
    long bytes = rows.count() * columns.count() * choice.weights().blockBytes();
    if (task.tile.byteSize() < bytes) {
      task.tile = arena.allocate(bytes, Long.SIZE);
    }
    long from =
        ggml_tensor.data(w).address() + columns.first() / type.blockSize() * type.blockBytes();
    boolean whole = columns.count() == ggml_tensor.ne(w, 0);
    long runs = whole ? 1 : rows.count();
    long length = whole ? rows.count() * columns.count() : columns.count();
    for (long i = 0; i < runs; i++) {
      dequantize(
          type,
          from + (rows.first() + i) * ggml_tensor.nb(w, 1),
          task.tile.address() + i * length * choice.weights().blockBytes(),
          length,
          task.strip);
    }
    return task.tile.address();
  }

  private void dequantize(TensorType type, long from, long to, long count, MemorySegment strip) {
    MemorySegment toFloat =
        ggml_type_traits.to_float(
            Ggml.ggml_get_type_traits(type.id()).reinterpret(ggml_type_traits.sizeof()));
    for (long i = 0; i < count; i += STRIP) {
      long length = Math.min(STRIP, count - i);
      MemorySegment packed =
          MemorySegment.ofAddress(from + i / type.blockSize() * type.blockBytes());
      MemorySegment target = MemorySegment.ofAddress(to + i * choice.weights().blockBytes());
      if (choice.weights() == TensorType.F32) {
        ggml_to_float_t.invoke(toFloat, packed, target, length);
      } else {
        ggml_to_float_t.invoke(toFloat, packed, strip, length);
        Ggml.ggml_fp32_to_bf16_row(strip, target, length);
      }
    }
  }

  private OneDnnProduct product(int thread, OneDnnProduct.Form form) {
    choice.useOneThread();
    Task task = tasks.get(thread);
    return task.products.computeIfAbsent(form, f -> new OneDnnProduct(engine, task.stream, f));
  }

  private static TensorType type(MemorySegment x) {
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

  @Override
  public void close() {
    for (Task task : tasks) {
      task.products.values().forEach(OneDnnProduct::close);
      OneDnn.dnnl_stream_destroy(task.stream);
    }
    OneDnn.dnnl_engine_destroy(engine);
    arena.close();
  }
}
