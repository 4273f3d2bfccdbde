package io.lorikeet.bindings;

import io.lorikeet.bindings.OneDnnStep.Kind;
import io.lorikeet.bindings.ProductTasks.Range;
import io.lorikeet.bindings.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// What the operations of [FusedOps] have in common on a thread.
///
/// @param threads what computes
record RowTasks(OneDnnThreads threads) {
  /// Elements at a time, so that few sizes have to be compiled for.
  private static final long STRIP = 256 << 10;

  /// A thread's part begins at a multiple of this many elements, a cache line.
  private static final long ALIGNMENT = 32;

  /// The elements of a contiguous tensor.
  static MemorySegment data(MemorySegment tensor) {
    return ggml_tensor.data(tensor).reinterpret(elements(tensor) * type(tensor).blockBytes());
  }

  static long elements(MemorySegment tensor) {
    return ggml_tensor.ne(tensor, 0) * rows(tensor);
  }

  static long rows(MemorySegment tensor) {
    return ggml_tensor.ne(tensor, 1) * ggml_tensor.ne(tensor, 2) * ggml_tensor.ne(tensor, 3);
  }

  static TensorType type(MemorySegment tensor) {
    return ProductTasks.type(tensor);
  }

  OneDnnPrimitive step(Kind kind, long rows, long columns, int thread) {
    return threads.primitive(thread, new OneDnnStep(kind, rows, columns));
  }

  /// Rounds the operation's only source, contiguous, to the type of the operation.
  void round(MemorySegment y, Worker worker) {
    Range part = Range.part(elements(y), worker.index(), worker.count(), ALIGNMENT);
    long from = ggml_tensor.data(OneDnnCallbacks.source(y, 0)).address();
    long to = ggml_tensor.data(y).address();
    for (long first = part.first(); first < part.last(); first += STRIP) {
      long count = Math.min(STRIP, part.last() - first);
      threads
          .primitive(worker.index(), new OneDnnConversion(count))
          .run(from + first * Float.BYTES, to + first * type(y).blockBytes());
    }
  }

  /// Copies rows of what has been computed in place into the operation's own tensor, where that is
  /// an operand in another type.
  ///
  /// @param x address of the first row
  void copyOperand(MemorySegment y, long x, long firstRow, long rows, int thread) {
    if (type(y) != TensorType.F32) {
      long columns = ggml_tensor.ne(y, 0);
      threads
          .primitive(thread, new OneDnnConversion(rows * columns))
          .run(x, ggml_tensor.data(y).address() + firstRow * ggml_tensor.nb(y, 1));
    }
  }
}
