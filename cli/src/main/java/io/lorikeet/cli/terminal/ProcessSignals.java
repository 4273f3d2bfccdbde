package io.lorikeet.cli.terminal;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The operating system's handling of signals to this process.
public final class ProcessSignals {
  private static final int INTERRUPT = 2;
  private static final int TERMINATE = 15;
  private static final MemorySegment DEFAULT = MemorySegment.NULL; // SIG_DFL

  private ProcessSignals() {}

  /// Takes SIGINT and SIGTERM away from the Java runtime: the next one ends the process at once,
  /// without shutdown hooks. Java has no way of its own to get past hooks that have begun.
  @SuppressWarnings("restricted")
  public static void restoreDefaults() {
    Linker linker = Linker.nativeLinker();
    MethodHandle signal =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("signal"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    try {
      for (int number : new int[] {INTERRUPT, TERMINATE}) {
        MemorySegment _ = (MemorySegment) signal.invokeExact(number, DEFAULT);
      }
    } catch (Throwable e) {
      throw new IllegalStateException("signal() throws nothing", e);
    }
  }
}
