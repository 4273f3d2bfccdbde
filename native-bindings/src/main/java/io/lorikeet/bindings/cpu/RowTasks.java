package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnStep.RowFunction;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// The common parts of [FusedOps]'s operations on a thread.
///
/// @param threads the threads' primitives
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

  OneDnnPrimitive step(RowFunction kind, long rows, long columns, int thread) {
    return threads.primitive(thread, new OneDnnStep(kind, rows, columns));
  }

  /// Rounds the operation's only source, contiguous, to the type of the operation.
  void round(MemorySegment y, Worker worker) {
    TaskRange part = TaskRange.part(elements(y), worker.index(), worker.count(), ALIGNMENT);
    long from = ggml_tensor.data(OneDnnCallbacks.source(y, 0)).address();
    long to = ggml_tensor.data(y).address();
    for (long first = part.first(); first < part.last(); first += STRIP) {
      long count = Math.min(STRIP, part.last() - first);
      threads
          .primitive(worker.index(), new OneDnnConversion(count))
          .run(from + first * Float.BYTES, to + first * type(y).blockBytes());
    }
  }

  /// Copies the operation's only source `[n, rows, matrices]`, which has dense rows, without gaps
  /// in the type of the operation.
  ///
  /// @param factor of all numbers
  void pack(MemorySegment y, float factor, Worker worker) {
    MemorySegment x = OneDnnCallbacks.source(y, 0);
    TaskRange part = TaskRange.part(ggml_tensor.ne(y, 2), worker.index(), worker.count(), 1);
    if (part.count() == 0) {
      return;
    }
    OneDnnConversion form =
        new OneDnnConversion(
            type(y),
            factor != 1,
            List.of(part.count(), ggml_tensor.ne(y, 1), ggml_tensor.ne(y, 0)),
            List.of(ggml_tensor.nb(x, 2) / Float.BYTES, ggml_tensor.nb(x, 1) / Float.BYTES, 1L));
    long from = ggml_tensor.data(x).address() + part.first() * ggml_tensor.nb(x, 2);
    long to = ggml_tensor.data(y).address() + part.first() * ggml_tensor.nb(y, 2);
    OneDnnPrimitive conversion = threads.primitive(worker.index(), form);
    if (factor == 1) {
      conversion.run(from, to);
    } else {
      MemorySegment scale = threads.scratch(worker.index(), Float.BYTES);
      scale.set(ValueLayout.JAVA_FLOAT, 0, factor);
      conversion.run(from, to, scale.address());
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
