package io.lorikeet.bindings;

import io.lorikeet.bindings.OneDnnSoftMax.Step;
import io.lorikeet.bindings.ProductTasks.Range;
import io.lorikeet.bindings.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// What each of several threads does of a softmax: it takes a run of the rows, those of one head at
/// a time, which stay in the processor's cache from one step to the next.
///
/// @param threads what computes
record SoftMaxTasks(OneDnnThreads threads) {

  /// Replaces rows by their softmax; contiguous.
  void forward(MemorySegment x, Worker worker) {
    forEachHead(
        x,
        worker,
        (first, _, count) -> {
          long rows = ggml_tensor.data(x).address() + first * ggml_tensor.nb(x, 1);
          primitive(Step.FORWARD, x, count, worker).run(rows, rows);
        });
  }

  /// Replaces scores [keys, queries, heads] by their softmax over keys, with a mask [keys, queries]
  /// added; contiguous.
  void forward(MemorySegment scores, MemorySegment mask, Worker worker) {
    long bytes = ggml_tensor.nb(scores, 1);
    forEachHead(
        scores,
        worker,
        (first, inHead, count) -> {
          long x = ggml_tensor.data(scores).address() + first * bytes;
          long m = ggml_tensor.data(mask).address() + inHead * bytes;
          primitive(Step.MASK, scores, count, worker).run(x, m, x);
          primitive(Step.FORWARD, scores, count, worker).run(x, x);
        });
  }

  /// Replaces the gradient of a softmax [keys, queries, heads] by that of the scores.
  void backward(MemorySegment gradient, MemorySegment softMax, Worker worker) {
    long bytes = ggml_tensor.nb(gradient, 1);
    forEachHead(
        gradient,
        worker,
        (first, _, count) -> {
          long dy = ggml_tensor.data(gradient).address() + first * bytes;
          long y = ggml_tensor.data(softMax).address() + first * bytes;
          primitive(Step.BACKWARD, gradient, count, worker).run(y, dy, dy);
        });
  }

  private OneDnnPrimitive primitive(Step step, MemorySegment x, long rows, Worker worker) {
    return threads.primitive(worker.index(), new OneDnnSoftMax(step, rows, ggml_tensor.ne(x, 0)));
  }

  /// Rows of one head.
  private interface Rows {

    /// @param first index of the first one among all rows
    /// @param inHead its index in its head
    void compute(long first, long inHead, long count);
  }

  private static void forEachHead(MemorySegment x, Worker worker, Rows rows) {
    long queries = ggml_tensor.ne(x, 1);
    Range part = Range.part(queries * ggml_tensor.ne(x, 2), worker.index(), worker.count(), 1);
    for (long first = part.first(); first < part.last(); ) {
      long inHead = first % queries;
      long count = Math.min(queries - inHead, part.last() - first);
      rows.compute(first, inHead, count);
      first += count;
    }
  }
}
