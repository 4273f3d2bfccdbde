package io.lorikeet.bindings;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/// The C library's heap, which ggml ends the process for when it is exhausted.
final class NativeHeap {
  private static final MethodHandle MALLOC =
      function("malloc", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
  private static final MethodHandle FREE =
      function("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

  private NativeHeap() {}

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  /// Checks that this much memory can be had, which costs nothing until it is written to.
  ///
  /// @param purpose for the error message
  /// @throws OutOfMemoryError when it can't
  static void check(long bytes, String purpose) {
    try {
      MemorySegment memory = (MemorySegment) MALLOC.invokeExact(bytes);
      if (memory.address() == 0) {
        throw new OutOfMemoryError(
            String.format(Locale.ROOT, "the system gives no %.2f GB for %s", bytes / 1e9, purpose));
      }
      FREE.invokeExact(memory);
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("malloc() and free() throw nothing", e);
    }
  }
}
