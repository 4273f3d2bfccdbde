package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.lorikeet.bindings.cpu.OneDnnStep.RowFunction;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// The share of a softmax in place of each of several threads: a run of the rows. It takes some at
/// a time, which stay in the processor's cache from one step to the next.
final class SoftMaxTasks {
  /// Elements of the rows taken at a time: a quarter of a megabyte.
  private static final long ELEMENTS = 64 << 10;

  private final RowTasks tasks;

  SoftMaxTasks(OneDnnThreads threads) {
    tasks = new RowTasks(threads);
  }

  /// Rows that one step is applied to.
  private interface RowKernel {

    /// @param first index of the first one
    void compute(long first, long count);
  }

  private static void forEach(MemorySegment x, Worker worker, RowKernel rows) {
    TaskRange part = TaskRange.part(RowTasks.rows(x), worker.index(), worker.count(), 1);
    long step = Math.max(1, ELEMENTS / ggml_tensor.ne(x, 0));
    for (long first = part.first(); first < part.last(); first += step) {
      rows.compute(first, Math.min(step, part.last() - first));
    }
  }

  /// Replaces scores `[keys, queries, heads]` by their softmax over the keys that each query sees.
  ///
  /// @param y the operation; its sources are the scores and `seenUntil`
  /// @param firstKey index in its row
  /// @param firstQuery likewise
  void forward(MemorySegment y, int firstKey, int firstQuery, Worker worker) {
    MemorySegment scores = OneDnnCallbacks.source(y, 0);
    MemorySegment values = RowTasks.data(scores);
    SeenKeys seen = new SeenKeys(RowTasks.data(OneDnnCallbacks.source(y, 1)), firstKey);
    long keys = ggml_tensor.ne(scores, 0);
    long queries = ggml_tensor.ne(scores, 1);
    forEach(
        scores,
        worker,
        (first, count) -> {
          for (long row = first; row < first + count; row++) {
            seen.hideOthers(values, row * keys, firstQuery + (int) (row % queries));
          }
          long x = values.address() + first * keys * Float.BYTES;
          tasks.step(RowFunction.SOFTMAX, count, keys, worker.index()).run(x, x);
          tasks.copyOperand(y, x, first, count, worker.index());
        });
  }

  /// Replaces the gradient of a softmax by that of the scores.
  ///
  /// @param y the operation; its sources are the gradient and the softmax
  void backward(MemorySegment y, Worker worker) {
    MemorySegment gradient = OneDnnCallbacks.source(y, 0);
    long keys = ggml_tensor.ne(gradient, 0);
    forEach(
        gradient,
        worker,
        (first, count) -> {
          long offset = first * keys * Float.BYTES;
          long dy = ggml_tensor.data(gradient).address() + offset;
          long softMax = ggml_tensor.data(OneDnnCallbacks.source(y, 1)).address() + offset;
          tasks.step(RowFunction.SOFTMAX_BACK, count, keys, worker.index()).run(softMax, dy, dy);
          tasks.copyOperand(y, dy, first, count, worker.index());
        });
  }

  /// Which keys a query sees.
  private static final class SeenKeys {
    /// The score of others; far below any score, and finite, since infinity minus infinity would be
    /// no number.
    private static final float HIDDEN = -1e9f;

    /// Keys that are looked at together.
    private static final int RUN = 32;

    private final float[] seenUntil;
    private final float[] leastOfRun;

    private final int firstKey;

    /// @param firstKey its index in the row
    SeenKeys(MemorySegment seenUntil, int firstKey) {
      this.firstKey = firstKey;
      this.seenUntil = seenUntil.toArray(JAVA_FLOAT);
      leastOfRun = new float[(this.seenUntil.length + RUN - 1) / RUN];
      for (int run = 0; run < leastOfRun.length; run++) {
        float least = Float.POSITIVE_INFINITY;
        for (int key = run * RUN; key < end(run); key++) {
          least = Math.min(least, this.seenUntil[key]);
        }
        leastOfRun[run] = least;
      }
    }

    private int end(int run) {
      return Math.min((run + 1) * RUN, seenUntil.length);
    }

    /// @param offset of the query's scores
    /// @param query its index in the row
    void hideOthers(MemorySegment scores, long offset, int query) {
      int after = query - firstKey + 1;
      for (int run = 0; run * RUN < after; run++) {
        if (leastOfRun[run] < query) {
          for (int key = run * RUN; key < end(run); key++) {
            if (seenUntil[key] < query) {
              scores.setAtIndex(JAVA_FLOAT, offset + key, HIDDEN);
            }
          }
        }
      }
      for (int key = after; key < seenUntil.length; key++) {
        scores.setAtIndex(JAVA_FLOAT, offset + key, HIDDEN);
      }
    }
  }
}
