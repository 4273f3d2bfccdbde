package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnStep.RowFunction;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;

/// The share of the gradient of silu(gate) · up of each of several threads: a run of the elements.
/// It takes as many at a time as stay in the thread's own cache.
final class SwigluTasks {
  private static final long STRIP = 32 << 10;

  /// A thread's part begins at a multiple of this many elements, a cache line.
  private static final long ALIGNMENT = 32;

  private final RowTasks tasks;

  SwigluTasks(OneDnnThreads threads) {
    tasks = new RowTasks(threads);
  }

  /// @param y the operation, `[elements, 2]`: the gradients of gate and up; its sources are that of
  ///     the result, gate and up
  void backward(MemorySegment y, Worker worker) {
    TaskRange part =
        TaskRange.part(ggml_tensor.ne(y, 0), worker.index(), worker.count(), ALIGNMENT);
    for (long first = part.first(); first < part.last(); first += STRIP) {
      long count = Math.min(STRIP, part.last() - first);
      backward(new Strip(y, first, count, worker.index()));
    }
  }

  private static void backward(Strip strip) {
    long dy = strip.source(0);
    long gate = strip.source(1);
    long up = strip.source(2);
    long sigmoid = strip.sigmoid(gate);
    strip.result(
        0, to -> strip.run(RowFunction.SWISH_BACK, gate, sigmoid, gate, sigmoid, dy, up, to));
    strip.result(1, to -> strip.run(RowFunction.PRODUCT, gate, sigmoid, dy, to));
  }

  /// Some of the elements of an operation.
  private final class Strip {
    private final MemorySegment y;
    private final long first;
    private final long count;
    private final int thread;
    private final long scratch;

    Strip(MemorySegment y, long first, long count, int thread) {
      this.y = y;
      this.first = first;
      this.count = count;
      this.thread = thread;
      scratch = tasks.threads().scratch(thread, 2 * STRIP * Float.BYTES).address();
    }

    /// The address of theirs of a source, F32.
    long source(int index) {
      MemorySegment x = OneDnnCallbacks.source(y, index);
      return ggml_tensor.data(x).address() + first * Float.BYTES;
    }

    void run(RowFunction kind, long... addresses) {
      tasks.step(kind, 1, count, thread).run(addresses);
    }

    /// The address of the sigmoid of what is at an address.
    long sigmoid(long x) {
      run(RowFunction.SIGMOID, x, scratch);
      return scratch;
    }

    /// Computes a row of the operation's result in F32, and stores it in the result's type.
    ///
    /// @param compute takes the address of where the numbers go
    void result(int row, LongConsumer compute) {
      TensorType type = RowTasks.type(y);
      long to =
          ggml_tensor.data(y).address() + row * ggml_tensor.nb(y, 1) + first * type.blockBytes();
      if (type == TensorType.F32) {
        compute.accept(to);
      } else {
        long numbers = scratch + STRIP * Float.BYTES;
        compute.accept(numbers);
        tasks.threads().primitive(thread, new OneDnnConversion(count)).run(numbers, to);
      }
    }
  }
}
