package io.lorikeet.models.merge;

import io.lorikeet.bindings.TensorType;
import java.util.Arrays;
import java.util.IntSummaryStatistics;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// Where a block of a quantized type keeps the code of each element, as `ggml-common.h` and the
/// `dequantize_row_*` functions of `ggml-quants.c` have it. The value of a code depends on the
/// block's scales and is found with ggml: the same block with other codes is dequantized.
///
/// Elements of a group share their scale. Codes are either steps on a line (value = origin + code ·
/// step), or indices into a table of numbers that the scale multiplies.
final class CodeLayout {
  private static final int[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };
  private static final int[] MXFP4 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private static final int LOOKUP_ORIGIN = 128;

  private final TensorType type;
  private final int group;
  private final int bits;
  private final boolean signed;
  private final int[] table;
  private final float spacing;
  private final byte[] below;
  private final byte[] above;
  private final int[] lowByte;
  private final int[] lowShift;
  private final int lowBits;
  private final int[] highByte;
  private final int[] highShift;

  /// Says where an element's bits are.
  @FunctionalInterface
  private interface Place {
    int of(int element);
  }

  /// A run of bits of each element's code.
  private record Bits(int count, Place inByte, Place shift) {
    static final Bits NONE = new Bits(0, _ -> 0, _ -> 0);
  }

  private CodeLayout(TensorType type, int group, Bits low, Bits high, int... table) {
    this.type = type;
    this.group = group;
    this.table = table;
    spacing = isLine() ? 1 : range(table) / table.length;
    below = isLine() ? new byte[0] : codesBelow(table);
    above = isLine() ? new byte[0] : codesAbove(table);
    lowBits = low.count();
    bits = lowBits + high.count();
    signed = bits == Byte.SIZE;
    lowByte = places(low.inByte());
    lowShift = places(low.shift());
    highByte = places(high.inByte());
    highShift = places(high.shift());
  }

  private int[] places(Place place) {
    int[] all = new int[type.blockSize()];
    for (int i = 0; i < all.length; i++) {
      all[i] = place.of(i);
    }
    return all;
  }

  /// The layout of a type; none for those that code several elements together, and for those that
  /// aren't quantized.
  static Optional<CodeLayout> of(TensorType type) {
    return Optional.ofNullable(
        switch (type) {
          case Q4_0 -> new CodeLayout(type, 32, halves(2), Bits.NONE);
          case Q4_1 -> new CodeLayout(type, 32, halves(4), Bits.NONE);
          case Q5_0 -> new CodeLayout(type, 32, halves(6), bitOf32(2));
          case Q5_1 -> new CodeLayout(type, 32, halves(8), bitOf32(4));
          case Q8_0 -> new CodeLayout(type, 32, new Bits(8, e -> 2 + e, _ -> 0), Bits.NONE);
          case IQ4_NL -> new CodeLayout(type, 32, halves(2), Bits.NONE, IQ4);
          case MXFP4 -> new CodeLayout(type, 32, halves(1), Bits.NONE, MXFP4);
          case IQ4_XS ->
              new CodeLayout(
                  type,
                  32,
                  new Bits(4, e -> 8 + e / 32 * 16 + e % 16, e -> e % 32 / 16 * 4),
                  Bits.NONE,
                  IQ4);
          case Q2_K -> new CodeLayout(type, 16, pairs(16), Bits.NONE);
          case Q3_K -> new CodeLayout(type, 16, pairs(32), new Bits(1, e -> e % 32, e -> e / 32));
          case Q4_K -> new CodeLayout(type, 32, nibbles(16), Bits.NONE);
          case Q5_K ->
              new CodeLayout(type, 32, nibbles(48), new Bits(1, e -> 16 + e % 32, e -> e / 32));
          case Q6_K ->
              new CodeLayout(
                  type,
                  16,
                  new Bits(4, e -> e / 128 * 64 + e % 64, e -> e % 128 / 64 * 4),
                  new Bits(2, e -> 128 + e / 128 * 32 + e % 32, e -> e % 128 / 32 * 2));
          default -> null;
        });
  }

  /// 4 bits: the first half of 32 elements in the low nibbles of 16 bytes, the second in the high.
  private static Bits halves(int start) {
    return new Bits(4, e -> start + e % 16, e -> e / 16 * 4);
  }

  /// 4 bits: of each 64 elements the first half in the low nibbles of 32 bytes, the second in the
  /// high.
  private static Bits nibbles(int start) {
    return new Bits(4, e -> start + e / 64 * 32 + e % 32, e -> e % 64 / 32 * 4);
  }

  /// 2 bits: of each 128 elements four times 32 in 32 bytes.
  private static Bits pairs(int start) {
    return new Bits(2, e -> start + e / 128 * 32 + e % 32, e -> e % 128 / 32 * 2);
  }

  /// 1 bit of a little-endian number of 32.
  private static Bits bitOf32(int start) {
    return new Bits(1, e -> start + e / 8, e -> e % 8);
  }

  /// Elements that share a scale.
  int group() {
    return group;
  }

  int smallestCode() {
    return signed ? -127 : 0;
  }

  int largestCode() {
    return signed ? 127 : (1 << bits) - 1;
  }

  /// About the mean distance of neighbours, in steps.
  float spacing() {
    return spacing;
  }

  /// Whether codes are steps on a line.
  boolean isLine() {
    return table.length == 0;
  }

  /// The numbers that the scale multiplies, by code; none where codes are steps on a line.
  int[] table() {
    return table;
  }

  /// The code whose value is the scale itself, for a layout with a table.
  int unitCode() {
    for (int code = 0; code < table.length; code++) {
      if (table[code] == 1) {
        return code;
      }
    }
    throw new IllegalStateException(type + " has no code for its scale");
  }

  private static float range(int[] table) {
    IntSummaryStatistics values = Arrays.stream(table).summaryStatistics();
    return values.getMax() - values.getMin();
  }

  /// For each whole number of a byte the code of the table's largest entry up to it, or of the
  /// smallest entry where there is none.
  private static byte[] codesBelow(int[] table) {
    byte[] below = new byte[2 * LOOKUP_ORIGIN];
    for (int i = 0; i < below.length; i++) {
      int number = i - LOOKUP_ORIGIN;
      below[i] = (byte) best(table, value -> value <= number ? value : -4 * LOOKUP_ORIGIN - value);
    }
    return below;
  }

  /// The code of the smallest entry above, or of the largest where there is none.
  private static byte[] codesAbove(int[] table) {
    byte[] above = new byte[2 * LOOKUP_ORIGIN];
    for (int i = 0; i < above.length; i++) {
      int number = i - LOOKUP_ORIGIN;
      above[i] = (byte) best(table, value -> value > number ? -value : value - 2 * LOOKUP_ORIGIN);
    }
    return above;
  }

  private static int best(int[] table, IntUnaryOperator merit) {
    int best = 0;
    for (int code = 1; code < table.length; code++) {
      best = merit.applyAsInt(table[code]) > merit.applyAsInt(table[best]) ? code : best;
    }
    return best;
  }

  /// The code of the table's largest entry that isn't above `value`; of its smallest where all are.
  int codeBelow(float value) {
    return below[place(value)];
  }

  /// The code of the table's smallest entry above `value`; of its largest where none is.
  int codeAbove(float value) {
    return above[place(value)];
  }

  private static int place(float value) {
    return (int) Math.min(Math.max(value + LOOKUP_ORIGIN, 0), 2 * LOOKUP_ORIGIN - 1);
  }

  /// Sets the code of an element of the block that begins at `start`.
  void put(byte[] bytes, int start, int element, int code) {
    int at = start + lowByte[element];
    int mask = (1 << lowBits) - 1;
    int shift = lowShift[element];
    bytes[at] = (byte) (bytes[at] & ~(mask << shift) | (code & mask) << shift);
    if (lowBits < bits) {
      at = start + highByte[element];
      mask = (1 << bits - lowBits) - 1;
      shift = highShift[element];
      bytes[at] = (byte) (bytes[at] & ~(mask << shift) | (code >> lowBits & mask) << shift);
    }
  }

  /// Adds a column's codes to the bytes of a block of each row.
  ///
  /// @param element which of the block's
  /// @param codes of each row
  /// @param bytes by their place in the block, of each row
  void pack(int element, int[] codes, int[][] bytes) {
    pack(codes, 0, lowBits, bytes[lowByte[element]], lowShift[element]);
    if (lowBits < bits) {
      pack(codes, lowBits, bits - lowBits, bytes[highByte[element]], highShift[element]);
    }
  }

  private static void pack(int[] codes, int from, int count, int[] to, int shift) {
    int mask = (1 << count) - 1;
    for (int i = 0; i < to.length; i++) {
      to[i] |= (codes[i] >> from & mask) << shift;
    }
  }

  /// The code of an element of the block that begins at `start`.
  int get(byte[] bytes, int start, int element) {
    int low = bytes[start + lowByte[element]] >> lowShift[element] & (1 << lowBits) - 1;
    if (lowBits == bits) {
      return signed ? (byte) low : low;
    }
    int mask = (1 << bits - lowBits) - 1;
    return low | (bytes[start + highByte[element]] >> highShift[element] & mask) << lowBits;
  }

  /// The places in a block of bytes that hold codes, and nothing else.
  int[] codeBytes() {
    return IntStream.concat(
            Arrays.stream(lowByte), lowBits == bits ? IntStream.empty() : Arrays.stream(highByte))
        .distinct()
        .sorted()
        .toArray();
  }
}
