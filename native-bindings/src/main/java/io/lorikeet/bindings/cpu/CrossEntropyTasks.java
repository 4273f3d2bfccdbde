package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.bindings.cpu.OneDnnStep.RowFunction;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// The share of cross-entropy of each of several threads: some of the tokens, one at a time.
final class CrossEntropyTasks {
  /// A probability that is surely exact.
  private static final float LEAST = 1e-30f;

  private final RowTasks tasks;

  CrossEntropyTasks(OneDnnThreads threads) {
    tasks = new RowTasks(threads);
  }

  /// @param y the operation; its sources are logits `[vocabulary, t]`, labels `[t]` and weights
  ///     `[t]`
  /// @param gradient whether the logits' gradient is wanted
  void compute(MemorySegment y, boolean gradient, Worker worker) {
    MemorySegment logits = OneDnnCallbacks.source(y, 0);
    MemorySegment values = RowTasks.data(logits);
    MemorySegment labels = RowTasks.data(OneDnnCallbacks.source(y, 1));
    MemorySegment weights = RowTasks.data(OneDnnCallbacks.source(y, 2));
    long bytes = ggml_tensor.nb(logits, 1);
    TaskRange part = TaskRange.part(RowTasks.rows(logits), worker.index(), worker.count(), 1);
    for (long token = part.first(); token < part.last(); token++) {
      MemorySegment row = values.asSlice(token * bytes, bytes);
      float weight = weights.getAtIndex(JAVA_FLOAT, token);
      if (weight != 0) {
        int label = labels.getAtIndex(JAVA_INT, token);
        MemorySegment softMax = softMax(row, worker.index());
        weights.setAtIndex(JAVA_FLOAT, token, loss(row, softMax, label));
        if (gradient) {
          toGradient(softMax, label, weight);
          row.copyFrom(softMax);
        }
      } else if (gradient) {
        row.fill((byte) 0);
      }
      if (gradient) {
        tasks.copyOperand(y, row.address(), token, 1, worker.index());
      }
    }
  }

  private MemorySegment softMax(MemorySegment row, int thread) {
    MemorySegment softMax = tasks.threads().scratch(thread, row.byteSize());
    tasks
        .step(RowFunction.SOFTMAX, 1, row.byteSize() / Float.BYTES, thread)
        .run(row.address(), softMax.address());
    return softMax;
  }

  /// `-log p[label]`. Where that probability is too small for a float, by way of the largest one:
  /// `(largest logit - logit[label]) - log p[largest]`.
  private static float loss(MemorySegment logits, MemorySegment softMax, int label) {
    float p = softMax.getAtIndex(JAVA_FLOAT, label);
    if (p > LEAST) {
      return (float) -Math.log(p);
    }
    int largest = largest(softMax);
    return logits.getAtIndex(JAVA_FLOAT, largest)
        - logits.getAtIndex(JAVA_FLOAT, label)
        - (float) Math.log(softMax.getAtIndex(JAVA_FLOAT, largest));
  }

  private static int largest(MemorySegment row) {
    int largest = 0;
    for (int i = 1; i < row.byteSize() / Float.BYTES; i++) {
      if (row.getAtIndex(JAVA_FLOAT, i) > row.getAtIndex(JAVA_FLOAT, largest)) {
        largest = i;
      }
    }
    return largest;
  }

  private static void toGradient(MemorySegment softMax, int label, float weight) {
    softMax.setAtIndex(JAVA_FLOAT, label, softMax.getAtIndex(JAVA_FLOAT, label) - 1);
    if (weight != 1) {
      int count = Math.toIntExact(softMax.byteSize() / Float.BYTES);
      for (int i = 0; i < count; i++) {
        softMax.setAtIndex(JAVA_FLOAT, i, softMax.getAtIndex(JAVA_FLOAT, i) * weight);
      }
    }
  }
}
