package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;

/// The element types of safetensors files, under the names they have there (`tensor.rs` of the
/// safetensors library).
public enum SafetensorsType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  /// 5 bits of exponent and 2 of mantissa: the upper half of an F16.
  F8_E5M2(8),
  /// 4 bits of exponent (bias 7) and 3 of mantissa, without infinities; all bits set is NaN.
  F8_E4M3(8),
  F8_E8M0(8),
  F8_E4M3FNUZ(8),
  F8_E5M2FNUZ(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private final int bits;

  SafetensorsType(int bits) {
    this.bits = bits;
  }

  /// The type of this name.
  public static Optional<SafetensorsType> byName(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }

  /// Bits of one element.
  public int bits() {
    return bits;
  }

  /// Whether its elements are numbers that [#readFloats] knows to read: F64, F32, F16, BF16 and the
  /// two F8 types of model weights.
  public boolean isFloat() {
    return switch (this) {
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
      default -> false;
    };
  }

  /// Reads numbers, which is exact but for F64.
  ///
  /// @param bytes a tensor's data
  /// @param from the first element to read, counted from the data's beginning
  /// @param into takes as many as fit in
  /// @throws IllegalArgumentException when [#isFloat] is false
  public void readFloats(MemorySegment bytes, long from, float[] into) {
    readFloats(bytes, from, into, into.length);
  }

  /// As the other, for the first `count` elements of `into`.
  public void readFloats(MemorySegment bytes, long from, float[] into, int count) {
    switch (this) {
      case F32 -> MemorySegment.copy(bytes, LittleEndian.FLOAT, from * Float.BYTES, into, 0, count);
      case F64 -> {
        for (int i = 0; i < count; i++) {
          into[i] = (float) bytes.get(LittleEndian.DOUBLE, (from + i) * Double.BYTES);
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          into[i] = Float.float16ToFloat(bytes.get(LittleEndian.SHORT, (from + i) * Short.BYTES));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          into[i] =
              Float.intBitsToFloat(bytes.get(LittleEndian.SHORT, (from + i) * Short.BYTES) << 16);
        }
      }
      case F8_E5M2 -> {
        for (int i = 0; i < count; i++) {
          byte value = bytes.get(ValueLayout.JAVA_BYTE, from + i);
          into[i] = Float.float16ToFloat((short) (value << 8));
        }
      }
      case F8_E4M3 -> {
        for (int i = 0; i < count; i++) {
          into[i] = e4m3(bytes.get(ValueLayout.JAVA_BYTE, from + i));
        }
      }
      default -> throw new IllegalArgumentException(this + " isn't read as numbers");
    }
  }

  private static float e4m3(byte value) {
    int magnitude = value & 0x7f;
    float number;
    if (magnitude == 0x7f) {
      number = Float.NaN;
    } else if (magnitude < 8) { // subnormal: eighths of 2^-6
      number = magnitude * 0x1p-9f;
    } else {
      number = Math.scalb(1 + (magnitude & 7) / 8f, (magnitude >> 3) - 7);
    }
    return value < 0 ? -number : number;
  }
}
