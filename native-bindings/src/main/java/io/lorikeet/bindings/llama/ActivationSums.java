package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_backend_sched_eval_callback;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// For each weight of a layer the sum of squares of each column of what it is multiplied with, over
/// all tokens that contexts opened with it compute: llama.cpp's importance matrix
/// (`tools/imatrix/imatrix.cpp`). Experts have sums of their own, of the tokens that were theirs.
///
/// Not for use by several threads at once.
public final class ActivationSums implements GraphObserver {
  private static final String KIND = "activation sums";

  /// As llama.cpp's tool: fewer are single tokens that are generated.
  private static final int LEAST_TOKENS = 16;

  /// The sums of one weight.
  ///
  /// @param squares for each matrix (experts have several) as many numbers as a row has elements
  /// @param counts for each matrix, or for all of them together, the number of tokens
  public record Sums(float[] squares, long[] counts) {}

  private final Arena arena = Arena.ofShared();
  private final MemorySegment callback;
  private final Map<String, Sums> sums = new TreeMap<>();
  private @Nullable Throwable failure;

  /// Nothing summed up yet.
  public ActivationSums() {
    callback = ggml_backend_sched_eval_callback.allocate(this::observe, arena);
    NativeResources.opened(KIND);
  }

  @Override
  public MemorySegment callback() {
    return callback;
  }

  /// The sums by the weights' names.
  ///
  /// @throws GgmlException when one of them isn't finite, or summing failed
  public Map<String, Sums> sums() {
    if (failure != null) {
      throw new GgmlException("the activations couldn't be summed up: " + failure);
    }
    sums.forEach(
        (name, of) -> {
          for (float sum : of.squares) {
            if (!Float.isFinite(sum)) {
              throw new GgmlException("activations of " + name + " are no finite numbers");
            }
          }
        });
    return Map.copyOf(sums);
  }

  /// Called from native code, so that nothing may be thrown out of it. First it is asked whether
  /// the result of a node matters, then called again when it is there.
  ///
  /// @return whether it matters; afterwards whether to go on
  private boolean observe(MemorySegment address, boolean asks, MemorySegment userData) {
    try {
      MemorySegment node = address.reinterpret(ggml_tensor.sizeof());
      if (asks) {
        return failure == null && matters(node);
      }
      add(node);
      return true;
    } catch (Throwable e) {
      failure = e;
      return false;
    }
  }

  static MemorySegment source(MemorySegment node, int index) {
    return ggml_tensor.src(node, index).reinterpret(ggml_tensor.sizeof());
  }

  static String name(MemorySegment tensor) {
    return ggml_tensor.name(tensor).getString(0);
  }

  private static boolean matters(MemorySegment node) {
    int operation = ggml_tensor.op(node);
    if (operation == Ggml.GGML_OP_MUL_MAT_ID()) {
      return true;
    }
    if (operation != Ggml.GGML_OP_MUL_MAT()) {
      return false;
    }
    MemorySegment input = source(node, 1);
    return ggml_tensor.ne(input, 1) >= LEAST_TOKENS
        && ggml_tensor.type(input) == TensorType.F32.id()
        && name(source(node, 0)).startsWith("blk.");
  }

  private void add(MemorySegment node) {
    MemorySegment weight = source(node, 0);
    MemorySegment input = source(node, 1);
    int width = Math.toIntExact(ggml_tensor.ne(input, 0));
    int matrices = Math.toIntExact(ggml_tensor.ne(weight, 2) * ggml_tensor.ne(weight, 3));
    boolean routed = ggml_tensor.op(node) == Ggml.GGML_OP_MUL_MAT_ID();
    Sums of =
        sums.computeIfAbsent(
            name(weight),
            _ -> new Sums(new float[width * matrices], new long[routed ? matrices : 1]));
    if (of.squares.length != width * matrices || of.counts.length != (routed ? matrices : 1)) {
      throw new IllegalStateException(name(weight) + " has changed its shape");
    }
    try (Arena call = Arena.ofConfined()) {
      MemorySegment data = copy(input, call);
      if (routed) {
        addRouted(of, width, input, data, source(node, 2), call);
      } else {
        addAll(of, width, weight, input, data);
      }
    }
  }

  static MemorySegment copy(MemorySegment tensor, Arena arena) {
    long bytes = Ggml.ggml_nbytes(tensor);
    MemorySegment copy = arena.allocate(bytes, Float.BYTES);
    Ggml.ggml_backend_tensor_get(tensor, copy, 0, bytes);
    return copy;
  }

  private static void addAll(
      Sums of, int width, MemorySegment weight, MemorySegment input, MemorySegment data) {
    long rows = ggml_tensor.ne(input, 1);
    float[] row = new float[width];
    for (long i3 = 0; i3 < ggml_tensor.ne(input, 3); i3++) {
      for (long i2 = 0; i2 < ggml_tensor.ne(input, 2); i2++) {
        long matrix =
            i3 % ggml_tensor.ne(weight, 3) * ggml_tensor.ne(weight, 2)
                + i2 % ggml_tensor.ne(weight, 2);
        long start = i2 * ggml_tensor.nb(input, 2) + i3 * ggml_tensor.nb(input, 3);
        for (long i = 0; i < rows; i++) {
          long at = start + i * ggml_tensor.nb(input, 1);
          MemorySegment.copy(data, ValueLayout.JAVA_FLOAT, at, row, 0, width);
          addSquares(of.squares, (int) matrix * width, row);
        }
      }
    }
    long matrices = of.squares.length / width;
    of.counts[0] += rows * ggml_tensor.ne(input, 2) * ggml_tensor.ne(input, 3) / matrices;
  }

  /// The input is `[width, experts of a token or 1, tokens]`, the experts' ids
  /// `[experts of a token, tokens]`.
  private static void addRouted(
      Sums of, int width, MemorySegment input, MemorySegment data, MemorySegment ids, Arena arena) {
    MemorySegment experts = copy(ids, arena);
    float[] row = new float[width];
    for (long token = 0; token < ggml_tensor.ne(input, 2); token++) {
      for (long slot = 0; slot < ggml_tensor.ne(ids, 0); slot++) {
        long place = token * ggml_tensor.nb(ids, 1) + slot * ggml_tensor.nb(ids, 0);
        int expert = experts.get(ValueLayout.JAVA_INT, place);
        long at =
            slot % ggml_tensor.ne(input, 1) * ggml_tensor.nb(input, 1)
                + token * ggml_tensor.nb(input, 2);
        MemorySegment.copy(data, ValueLayout.JAVA_FLOAT, at, row, 0, width);
        addSquares(of.squares, expert * width, row);
        of.counts[expert]++;
      }
    }
  }

  private static void addSquares(float[] sums, int from, float[] row) {
    for (int i = 0; i < row.length; i++) {
      sums[from + i] += row[i] * row[i];
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      NativeResources.closed(KIND);
    }
  }
}
