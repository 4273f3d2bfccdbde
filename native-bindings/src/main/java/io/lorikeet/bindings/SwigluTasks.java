package io.lorikeet.bindings;

import io.lorikeet.bindings.OneDnnStep.Kind;
import io.lorikeet.bindings.ProductTasks.Range;
import io.lorikeet.bindings.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// What each of several threads does of the gradient of silu(gate) · up: it takes a run of the
/// elements, as many at a time as stay in its own cache.
final class SwigluTasks {
  private static final long STRIP = 16 << 10;

  /// A thread's part begins at a multiple of this many elements, a cache line.
  private static final long ALIGNMENT = 16;

  private final RowTasks tasks;

  SwigluTasks(OneDnnThreads threads) {
    tasks = new RowTasks(threads);
  }

  /// @param y the operation, [elements, 2]: the gradients of gate and up; its sources are that of
  ///     the result, gate and up
  void backward(MemorySegment y, Worker worker) {
    long all = RowTasks.elements(OneDnnCallbacks.source(y, 0));
    Range part = Range.part(all, worker.index(), worker.count(), ALIGNMENT);
    long dGate = ggml_tensor.data(y).address();
    long dUp = dGate + ggml_tensor.nb(y, 1);
    for (long first = part.first(); first < part.last(); first += STRIP) {
      long count = Math.min(STRIP, part.last() - first);
      long offset = first * Float.BYTES;
      backward(
          address(y, 0) + offset,
          address(y, 1) + offset,
          address(y, 2) + offset,
          dGate + offset,
          dUp + offset,
          count,
          worker.index());
    }
  }

  private void backward(long dy, long gate, long up, long dGate, long dUp, long count, int thread) {
    tasks.step(Kind.SWISH, 1, count, thread).run(gate, dUp);
    tasks.step(Kind.MULTIPLY, 1, count, thread).run(dUp, dy, dUp);
    tasks.step(Kind.MULTIPLY, 1, count, thread).run(dy, up, dGate);
    tasks.step(Kind.SWISH_BACK, 1, count, thread).run(gate, dGate, dGate);
  }

  private static long address(MemorySegment y, int source) {
    return ggml_tensor.data(OneDnnCallbacks.source(y, source)).address();
  }
}
