package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;

/// The share of a root mean square norm with a gain, and of its gradient, of each of several
/// threads: a run of the rows.
final class RmsNormTasks {
  /// Elements at a time, so that few sizes have to be compiled for.
  private static final long ELEMENTS = 256 << 10;

  private final RowTasks tasks;

  RmsNormTasks(OneDnnThreads threads) {
    tasks = new RowTasks(threads);
  }

  /// Whether oneDNN has this norm; older versions don't.
  ///
  /// @param type of the result
  boolean exists(TensorType type) {
    try {
      tasks.threads().primitive(0, new OneDnnRmsNorm(type, 1, 32, 0));
      return true;
    } catch (GgmlException _) {
      return false;
    }
  }

  /// @param y the operation; its sources are the rows and the gain
  void forward(MemorySegment y, float epsilon, Worker worker) {
    long from = address(OneDnnCallbacks.source(y, 0));
    long gain = address(OneDnnCallbacks.source(y, 1));
    long columns = ggml_tensor.ne(y, 0);
    TaskRange part = part(y, worker);
    long step = Math.max(1, ELEMENTS / columns);
    for (long first = part.first(); first < part.last(); first += step) {
      long rows = Math.min(step, part.last() - first);
      tasks
          .threads()
          .primitive(worker.index(), new OneDnnRmsNorm(RowTasks.type(y), rows, columns, epsilon))
          .run(
              from + first * columns * Float.BYTES,
              gain,
              address(y) + first * ggml_tensor.nb(y, 1));
    }
  }

  private static TaskRange part(MemorySegment y, Worker worker) {
    return TaskRange.part(RowTasks.rows(y), worker.index(), worker.count(), 1);
  }

  private static long address(MemorySegment tensor) {
    return ggml_tensor.data(tensor).address();
  }

  /// oneDNN has no gradient of this norm; and Java's compiler uses vectors for arrays, not for
  /// native memory.
  ///
  /// @param y the operation; its sources are the gradient of the result, the rows and the gain
  void backward(MemorySegment y, float epsilon, Worker worker) {
    MemorySegment gradients = RowTasks.data(OneDnnCallbacks.source(y, 0));
    MemorySegment rows = RowTasks.data(OneDnnCallbacks.source(y, 1));
    MemorySegment results = RowTasks.data(y);
    float[] gain = RowTasks.data(OneDnnCallbacks.source(y, 2)).toArray(JAVA_FLOAT);
    float[] dy = new float[gain.length];
    float[] x = new float[gain.length];
    long bytes = ggml_tensor.nb(y, 1);
    TaskRange part = part(y, worker);
    for (long row = part.first(); row < part.last(); row++) {
      MemorySegment.copy(gradients, JAVA_FLOAT, row * bytes, dy, 0, dy.length);
      MemorySegment.copy(rows, JAVA_FLOAT, row * bytes, x, 0, x.length);
      toGradient(x, dy, gain, epsilon);
      MemorySegment.copy(x, 0, results, JAVA_FLOAT, row * bytes, x.length);
    }
  }

  /// Replaces a row by its gradient, (g - n mean(n g)) / rms for n = x / rms and g = dy · gain.
  private static void toGradient(float[] x, float[] dy, float[] gain, float epsilon) {
    multiply(dy, gain);
    double square = dot(x, x) / x.length + epsilon;
    float scale = (float) (1 / Math.sqrt(square));
    float share = (float) (-dot(x, dy) / x.length / square * scale);
    for (int i = 0; i < x.length; i++) {
      x[i] = dy[i] * scale + x[i] * share;
    }
  }

  private static void multiply(float[] x, float[] by) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= by[i];
    }
  }

  /// In several sums, which don't wait for one another.
  private static double dot(float[] a, float[] b) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    float s4 = 0;
    float s5 = 0;
    float s6 = 0;
    float s7 = 0;
    int i = 0;
    for (; i < a.length - 7; i += 8) {
      s0 += a[i] * b[i];
      s1 += a[i + 1] * b[i + 1];
      s2 += a[i + 2] * b[i + 2];
      s3 += a[i + 3] * b[i + 3];
      s4 += a[i + 4] * b[i + 4];
      s5 += a[i + 5] * b[i + 5];
      s6 += a[i + 6] * b[i + 6];
      s7 += a[i + 7] * b[i + 7];
    }
    double sum = (double) s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    for (; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
