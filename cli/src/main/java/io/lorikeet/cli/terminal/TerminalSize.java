package io.lorikeet.cli.terminal;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The size of the terminal behind one of this process's streams, which Java doesn't tell.
///
/// @param rows 0 where the terminal doesn't say
/// @param columns 0 where the terminal doesn't say
public record TerminalSize(int rows, int columns) {
  /// Standard output.
  public static final int OUT = 1;

  /// Standard error.
  public static final int ERR = 2;

  private static final long REQUEST_LINUX = 0x5413; // TIOCGWINSZ
  private static final long REQUEST_MACOS = 0x40087468;
  private static final long WINSIZE_BYTES = 8; // rows, columns and pixels, two bytes each
  private static final long COLUMNS_OFFSET = 2;

  /// The size of the terminal that a stream goes to, as it is now.
  ///
  /// @param descriptor [#OUT] or [#ERR]
  /// @return empty where the stream goes to no terminal
  public static Optional<TerminalSize> of(int descriptor) {
    String system = System.getProperty("os.name", "");
    boolean macos = system.startsWith("Mac");
    if (!macos && !system.equals("Linux")) {
      return Optional.empty();
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(WINSIZE_BYTES);
      int status =
          (int) Ioctl.CALL.invokeExact(descriptor, macos ? REQUEST_MACOS : REQUEST_LINUX, size);
      return status == 0
          ? Optional.of(new TerminalSize(number(size, 0), number(size, COLUMNS_OFFSET)))
          : Optional.empty();
    } catch (Throwable e) {
      throw new IllegalStateException("ioctl() throws nothing", e);
    }
  }

  private static int number(MemorySegment size, long offset) {
    return Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset));
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
