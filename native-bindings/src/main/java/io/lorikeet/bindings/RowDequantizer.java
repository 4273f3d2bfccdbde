package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_to_float_t;
import io.lorikeet.ggml.ggml_type_traits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The numbers that the blocks of any type stand for, by ggml's own `to_float`.
public final class RowDequantizer {
  private static final long ALIGNMENT = 64;

  private RowDequantizer() {}

  /// Whether elements of this type stand for numbers that can be had.
  public static boolean reads(TensorType type) {
    NativeLibrary.load();
    return type == TensorType.F32 || !toFloat(type).equals(MemorySegment.NULL);
  }

  /// Dequantizes consecutive blocks: a row, or several that lie one after the other.
  ///
  /// @param bytes native memory of exactly the elements
  /// @param floats native memory of F32 values, as many as there are elements
  /// @throws IllegalArgumentException for a type that doesn't stand for numbers, and when the sizes
  ///     don't fit together
  public static void dequantize(TensorType type, MemorySegment bytes, MemorySegment floats) {
    long elements = floats.byteSize() / Float.BYTES;
    if (!reads(type)
        || floats.byteSize() % Float.BYTES != 0
        || bytes.byteSize() != type.rowBytes(elements)) {
      throw new IllegalArgumentException(
          "%s bytes of %s don't become %s bytes of F32 values"
              .formatted(bytes.byteSize(), type, floats.byteSize()));
    }
    if (type == TensorType.F32) {
      floats.copyFrom(bytes);
    } else {
      ggml_to_float_t.invoke(toFloat(type), bytes, floats, elements);
    }
  }

  /// Dequantizes consecutive blocks into an array.
  ///
  /// @param bytes native memory of exactly the elements
  /// @throws IllegalArgumentException as [#dequantize]
  public static float[] floats(TensorType type, MemorySegment bytes) {
    long elements = bytes.byteSize() / type.blockBytes() * type.blockSize();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(elements * Float.BYTES, ALIGNMENT);
      dequantize(type, bytes, floats);
      return floats.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static MemorySegment toFloat(TensorType type) {
    return ggml_type_traits.to_float(Ggml.ggml_get_type_traits(type.id()));
  }
}
