package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.ggml_custom_op_t;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Functions that ggml calls on each of its threads to compute an operation of ours.
final class OneDnnCallbacks implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private volatile @Nullable Throwable failure;

  /// A computation of which a thread computes its part.
  @FunctionalInterface
  interface ThreadTask {

    /// @param y the operation's tensor
    /// @param userData the operation's own number
    void compute(MemorySegment y, long userData, Worker worker);
  }

  /// A function for ggml to call. Nothing may be thrown into it: it would end the process.
  MemorySegment callback(ThreadTask part) {
    return ggml_custom_op_t.allocate(
        (y, thread, threads, userData) -> {
          try {
            part.compute(tensor(y), userData.address(), new Worker(thread, threads));
          } catch (Throwable e) {
            failure = e;
          }
        },
        arena);
  }

  static MemorySegment tensor(MemorySegment address) {
    return address.reinterpret(ggml_tensor.sizeof());
  }

  static MemorySegment source(MemorySegment y, int index) {
    return tensor(ggml_tensor.src(y, index));
  }

  /// @throws GgmlException when an operation failed since the last call
  void rethrow() {
    Throwable e = failure;
    if (e != null) {
      failure = null;
      throw new GgmlException("an operation by oneDNN failed: " + e.getMessage(), e);
    }
  }

  /// Ends them, when no graph calls them any more.
  @Override
  public void close() {
    arena.close();
  }
}
