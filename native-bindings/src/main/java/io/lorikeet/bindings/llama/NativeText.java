package io.lorikeet.bindings.llama;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
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

  /// Whether a string that native code owns is UTF-8.
  static boolean isUtf8(MemorySegment pointer) {
    byte[] decoded = string(pointer).orElse("").getBytes(StandardCharsets.UTF_8);
    MemorySegment bytes = pointer.reinterpret(Long.MAX_VALUE);
    for (int i = 0; i < decoded.length; i++) {
      if (bytes.get(ValueLayout.JAVA_BYTE, i) != decoded[i]) {
        return false; // U+FFFD stands for what can't be decoded
      }
    }
    return true;
  }
}
