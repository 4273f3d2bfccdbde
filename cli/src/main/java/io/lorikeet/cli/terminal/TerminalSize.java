package io.lorikeet.cli.terminal;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.OptionalInt;

/// The size of the terminal behind one of this process's streams, which Java doesn't tell.
public final class TerminalSize {
  /// Standard output.
  public static final int OUT = 1;

  /// Standard error.
  public static final int ERR = 2;

  private static final long REQUEST_LINUX = 0x5413; // TIOCGWINSZ
  private static final long REQUEST_MACOS = 0x40087468;
  private static final long WINSIZE_BYTES = 8; // rows, columns and pixels, two bytes each
  private static final long COLUMNS_OFFSET = 2;

  private TerminalSize() {}

  /// Columns of the terminal that a stream goes to, as they are now; 0 where the terminal doesn't
  /// say.
  ///
  /// @param descriptor [#OUT] or [#ERR]
  /// @return empty where the stream goes to no terminal
  public static OptionalInt columns(int descriptor) {
    String system = System.getProperty("os.name", "");
    boolean macos = system.startsWith("Mac");
    if (!macos && !system.equals("Linux")) {
      return OptionalInt.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(WINSIZE_BYTES);
      int status =
          (int) Ioctl.CALL.invokeExact(descriptor, macos ? REQUEST_MACOS : REQUEST_LINUX, size);
      return status == 0
          ? OptionalInt.of(
              Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT_UNALIGNED, COLUMNS_OFFSET)))
          : OptionalInt.empty();
    } catch (Throwable e) {
      throw new IllegalStateException("ioctl() throws nothing", e);
    }
  }

  /// Linked once, when a size is asked for.
  private static final class Ioctl {
    @SuppressWarnings("restricted")
    private static final MethodHandle CALL =
        Linker.nativeLinker()
            .downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("ioctl"),
                FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS),
                Linker.Option.firstVariadicArg(2));
  }
}
