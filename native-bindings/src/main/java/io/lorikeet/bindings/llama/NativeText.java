package io.lorikeet.bindings.llama;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// Text that native functions write into a buffer of the caller's.
final class NativeText {
  private NativeText() {}

  /// A function like `snprintf`: writes at most `size` bytes, a NUL among them, and returns the
  /// length of the whole text without the NUL, or a negative number when there is none.
  @FunctionalInterface
  interface Writer {
    int write(MemorySegment buffer, long size);
  }

  /// The function's text, of any length.
  static Optional<String> read(Writer writer) {
    try (Arena arena = Arena.ofConfined()) {
      int length = writer.write(MemorySegment.NULL, 0);
      if (length < 0) {
        return Optional.empty();
      }
      MemorySegment buffer = arena.allocate(length + 1L);
      writer.write(buffer, buffer.byteSize());
      return Optional.of(buffer.getString(0));
    }
  }

  /// A string that native code owns, or empty for a null pointer.
  static Optional<String> string(MemorySegment pointer) {
    return pointer.equals(MemorySegment.NULL)
        ? Optional.empty()
        : Optional.of(pointer.reinterpret(Long.MAX_VALUE).getString(0));
  }
}
