package io.lorikeet.bindings;

import io.lorikeet.ggml.ggml_abort_callback;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.function.Predicate;

/// A CPU that gives up in the middle of a graph, as a device does that is lost or out of memory.
public final class FailingCpu implements AutoCloseable {
  private final Arena arena = Arena.ofShared();

  /// @param backend open, on the CPU; to be closed before this
  /// @param giveUp asked after each operation of a graph, by the graph's name
  public FailingCpu(Backend backend, Predicate<String> giveUp) {
    MemorySegment callback =
        ggml_abort_callback.allocate(_ -> giveUp.test(CurrentOperation.last()), arena);
    try {
      MethodHandle set =
          Linker.nativeLinker()
              .downcallHandle(
                  backend.procedure(arena, "ggml_backend_set_abort_callback"),
                  FunctionDescriptor.ofVoid(
                      ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
      set.invokeExact(backend.handle(), callback, MemorySegment.NULL);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new GgmlException("the callback could not be set", e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
