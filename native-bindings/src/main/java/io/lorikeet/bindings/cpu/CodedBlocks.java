package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.lorikeet.bindings.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// The quantized types whose numbers are small whole ones times a scale, of those that ggml's own
/// `to_float` takes long for: it is compiled for any x86 processor. Layouts are those of
/// `ggml-common.h`, and scale times code is rounded as `ggml-quants.c` does it.
///
/// Codes are unpacked several at a time, as the bytes of a `long` or by a table.
enum CodedBlocks {
  Q4_0(TensorType.Q4_0, 32) {
    @Override
    void unpack(long block, long codes, long scales) {
      setScale(scales, half(block));
      for (int i = 0; i < 16; i += Long.BYTES) {
        long packed = ALL.get(JAVA_LONG_UNALIGNED, block + 2 + i);
        setCodes(codes + i, less(packed & LOW_HALVES, EIGHTS));
        setCodes(codes + 16 + i, less(packed >>> 4 & LOW_HALVES, EIGHTS));
      }
    }
  },

  IQ4_NL(TensorType.IQ4_NL, 32) {
    @Override
    void unpack(long block, long codes, long scales) {
      setScale(scales, half(block));
      unpackCurved(block + 2, codes);
    }
  },

  IQ4_XS(TensorType.IQ4_XS, 32) {
    @Override
    void unpack(long block, long codes, long scales) {
      float scale = half(block);
      int high = ALL.get(JAVA_SHORT_UNALIGNED, block + 2);
      int low = ALL.get(JAVA_INT_UNALIGNED, block + 4);
      for (int i = 0; i < 8; i++) {
        int factor = low >>> 4 * i & 15 | (high >>> 2 * i & 3) << 4;
        setScale(scales + i * Float.BYTES, scale * (factor - 32));
        unpackCurved(block + 8 + i * 16, codes + i * 32);
      }
    }
  },

  Q6_K(TensorType.Q6_K, 16) {
    @Override
    void unpack(long block, long codes, long scales) {
      float scale = half(block + 208);
      for (int i = 0; i < 16; i++) {
        setScale(scales + i * Float.BYTES, scale * ALL.get(JAVA_BYTE, block + 192 + i));
      }
      for (int i = 0; i < 32; i += Long.BYTES) {
        unpackHalf(block + i, block + 128 + i, codes + i);
        unpackHalf(block + 64 + i, block + 160 + i, codes + 128 + i);
      }
    }

    /// @param lower address of the codes' lower four bits
    /// @param upper address of their upper two
    private static void unpackHalf(long lower, long upper, long codes) {
      long first = ALL.get(JAVA_LONG_UNALIGNED, lower);
      long second = ALL.get(JAVA_LONG_UNALIGNED, lower + 32);
      long high = ALL.get(JAVA_LONG_UNALIGNED, upper);
      setCodes(codes, less(first & LOW_HALVES | (high & QUARTERS) << 4, THIRTY_TWOS));
      setCodes(codes + 32, less(second & LOW_HALVES | (high >>> 2 & QUARTERS) << 4, THIRTY_TWOS));
      setCodes(
          codes + 64, less(first >>> 4 & LOW_HALVES | (high >>> 4 & QUARTERS) << 4, THIRTY_TWOS));
      setCodes(
          codes + 96, less(second >>> 4 & LOW_HALVES | (high >>> 6 & QUARTERS) << 4, THIRTY_TWOS));
    }
  };

  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  private static final long LOW_HALVES = 0x0F0F0F0F0F0F0F0FL;
  private static final long QUARTERS = 0x0303030303030303L;
  private static final long LOW_PAIR = 0xFFFFL;
  private static final long HIGH_PAIR = 0xFFFF0000L;
  private static final long SIGNS = 0x8080808080808080L;
  private static final long EIGHTS = 0x0808080808080808L;
  private static final long THIRTY_TWOS = 0x2020202020202020L;

  /// `kvalues_iq4nl`.
  private static final byte[] CURVE = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /// For two bytes the curve's values of their lower halves, and above those of their upper ones.
  private static final int[] CURVES = curves();

  private final TensorType type;
  private final int group;

  /// @param group codes that share a scale
  CodedBlocks(TensorType type, int group) {
    this.type = type;
    this.group = group;
  }

  /// Those of a type, or empty where ggml's own way is good.
  static Optional<CodedBlocks> of(TensorType type) {
    return switch (type) {
      case Q4_0 -> Optional.of(Q4_0);
      case IQ4_NL -> Optional.of(IQ4_NL);
      case IQ4_XS -> Optional.of(IQ4_XS);
      case Q6_K -> Optional.of(Q6_K);
      default -> Optional.empty();
    };
  }

  /// How many codes share a scale.
  int group() {
    return group;
  }

  /// Unpacks blocks that lie one after the other.
  ///
  /// @param from address of the first
  /// @param elements numbers in all of them
  /// @param codes address of room for as many I8
  /// @param scales address of room for the F32 scales, one for each group
  void unpack(long from, long elements, long codes, long scales) {
    long scaleBytes = (long) type.blockSize() / group * Float.BYTES;
    for (long i = 0; i < elements / type.blockSize(); i++) {
      unpack(from + i * type.blockBytes(), codes + i * type.blockSize(), scales + i * scaleBytes);
    }
  }

  /// Unpacks the block at an address.
  abstract void unpack(long block, long codes, long scales);

  private static float half(long address) {
    return Float.float16ToFloat(ALL.get(JAVA_SHORT_UNALIGNED, address));
  }

  private static void setScale(long address, float scale) {
    ALL.set(JAVA_FLOAT_UNALIGNED, address, scale);
  }

  private static void setCodes(long address, long codes) {
    ALL.set(JAVA_LONG_UNALIGNED, address, codes);
  }

  /// Eight bytes from 0 to 127, each less what is taken from it.
  private static long less(long bytes, long taken) {
    return (bytes | SIGNS) - taken ^ SIGNS;
  }

  /// Unpacks 16 bytes: the lower halves of all of them, then the upper. By a table, since what
  /// gathers bits in one instruction on most processors takes some a hundred times as long.
  private static void unpackCurved(long packed, long codes) {
    for (int i = 0; i < 16; i += Long.BYTES) {
      long bytes = ALL.get(JAVA_LONG_UNALIGNED, packed + i);
      long first = pair(bytes);
      long second = pair(bytes >>> 16);
      long third = pair(bytes >>> 32);
      long fourth = pair(bytes >>> 48);
      setCodes(
          codes + i,
          first & LOW_PAIR | (second & LOW_PAIR) << 16 | (third & LOW_PAIR) << 32 | fourth << 48);
      setCodes(
          codes + 16 + i,
          first >>> 16 & LOW_PAIR
              | second & HIGH_PAIR
              | (third & HIGH_PAIR) << 16
              | (fourth & HIGH_PAIR) << 32);
    }
  }

  private static long pair(long bytes) {
    return CURVES[(int) bytes & 0xFFFF];
  }

  private static int[] curves() {
    int[] table = new int[1 << 16];
    for (int bytes = 0; bytes < table.length; bytes++) {
      table[bytes] =
          curved(bytes)
              | curved(bytes >>> 8) << 8
              | curved(bytes >>> 4) << 16
              | curved(bytes >>> 12) << 24;
    }
    return table;
  }

  private static int curved(int bits) {
    return CURVE[bits & 15] & 0xFF;
  }
}
