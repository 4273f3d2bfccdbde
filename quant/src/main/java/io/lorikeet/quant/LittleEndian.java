package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The byte layouts of GGUF's fields: little-endian, and at any position.
final class LittleEndian {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private LittleEndian() {}

  /// The integer of this type at `offset`; a uint64 above 2^63 - 1 keeps its bits and so comes out
  /// negative.
  static long integer(MemorySegment bytes, GgufType type, long offset) {
    return switch (type) {
      case UINT8 -> bytes.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
      case INT8 -> bytes.get(ValueLayout.JAVA_BYTE, offset);
      case UINT16 -> bytes.get(SHORT, offset) & 0xffff;
      case INT16 -> bytes.get(SHORT, offset);
      case UINT32 -> bytes.get(INT, offset) & 0xffffffffL;
      case INT32 -> bytes.get(INT, offset);
      case UINT64, INT64 -> bytes.get(LONG, offset);
      case FLOAT32, BOOL, STRING, ARRAY, FLOAT64 ->
          throw new IllegalArgumentException(type + " is no integer");
    };
  }

  /// The floating-point number of this type at `offset`.
  static double real(MemorySegment bytes, GgufType type, long offset) {
    return switch (type) {
      case FLOAT32 -> bytes.get(FLOAT, offset);
      case FLOAT64 -> bytes.get(DOUBLE, offset);
      default -> throw new IllegalArgumentException(type + " is no floating-point number");
    };
  }
}
