package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// Finds infinite numbers and such that are none in a model's weights. Of quantized tensors it
/// looks at the F16 or F32 scales of the blocks, all else in a block being whole numbers.
public final class FiniteWeights {
  private static final int F16_EXPONENT = 0x7c00;
  private static final int BF16_EXPONENT = 0x7f80;
  private static final int F32_EXPONENT = 0x7f800000;
  private static final long F64_EXPONENT = 0x7ff0000000000000L;

  /// In E8M0, the scale of MXFP4.
  private static final byte E8M0_NAN = (byte) 0xff;

  private static final Pattern ROPE_FACTORS =
      Pattern.compile("(.*\\.)?(rope_freqs|rope_factors_(long|short))\\.weight");

  private FiniteWeights() {}

  /// Looks at every tensor, with several threads.
  ///
  /// @throws InvalidInputException with the names of the tensors that hold such numbers, or numbers
  ///     that frequencies can't be divided by
  public static void require(GgufFile file) {
    List<String> problems =
        file.tensors().parallelStream()
            .map(tensor -> problem(tensor, file.data(tensor)))
            .flatMap(Optional::stream)
            .toList();
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          file.path() + " holds weights that can't be computed with; download or convert it again",
          problems);
    }
  }

  private static Optional<String> problem(GgufTensor tensor, MemorySegment data) {
    long block = firstBad(tensor.type(), data);
    if (block >= 0) {
      return Optional.of(
          "%s (%s) holds no finite number at element %s"
              .formatted(tensor.name(), tensor.type(), block * tensor.type().blockSize()));
    }
    if (tensor.type() == TensorType.F32 && ROPE_FACTORS.matcher(tensor.name()).matches()) {
      for (long i = 0; i < tensor.elements(); i++) {
        float factor = data.get(LittleEndian.FLOAT, i * Float.BYTES);
        if (factor <= 0) {
          return Optional.of(
              "%s holds %s at element %s, and divides frequencies"
                  .formatted(tensor.name(), factor, i));
        }
      }
    }
    return Optional.empty();
  }

  /// Index of the first block (of unquantized types: element) with such a number, or -1. Where the
  /// scales lie is in ggml's `ggml-common.h`.
  static long firstBad(TensorType type, MemorySegment data) {
    int bytes = type.blockBytes();
    return switch (type) {
      case F32 -> firstInt(data, bytes, 0);
      case F64 -> firstLong(data);
      case F16 -> firstShort(data, bytes, 0, F16_EXPONENT);
      case BF16 -> firstShort(data, bytes, 0, BF16_EXPONENT);
      case Q4_0, Q5_0, Q8_0, Q1_0, Q2_0, IQ4_NL, IQ4_XS -> firstShort(data, bytes, 0, F16_EXPONENT);
      case IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ1_S ->
          firstShort(data, bytes, 0, F16_EXPONENT);
      case Q4_1, Q5_1, Q8_1, Q4_K, Q5_K -> firstPair(data, bytes, 0);
      case Q2_K -> firstPair(data, bytes, bytes - 4);
      case Q3_K, Q6_K, TQ1_0, TQ2_0 -> firstShort(data, bytes, bytes - 2, F16_EXPONENT);
      case Q8_K -> firstInt(data, bytes, 0);
      case IQ1_M -> firstIq1M(data, bytes);
      case MXFP4 -> firstE8M0(data, bytes);
      // All values of NVFP4's scales are taken as finite, and integers are.
      case NVFP4, I8, I16, I32, I64 -> -1;
    };
  }

  private static long firstShort(MemorySegment data, int stride, int offset, int exponent) {
    long blocks = data.byteSize() / stride;
    for (long i = 0, at = offset; i < blocks; i++, at += stride) {
      if ((data.get(LittleEndian.SHORT, at) & exponent) == exponent) {
        return i;
      }
    }
    return -1;
  }

  /// Two F16 beside each other: scale and minimum.
  private static long firstPair(MemorySegment data, int stride, int offset) {
    long scale = firstShort(data, stride, offset, F16_EXPONENT);
    long minimum = firstShort(data, stride, offset + 2, F16_EXPONENT);
    return scale < 0 || minimum < 0 ? Math.max(scale, minimum) : Math.min(scale, minimum);
  }

  private static long firstInt(MemorySegment data, int stride, int offset) {
    long blocks = data.byteSize() / stride;
    for (long i = 0, at = offset; i < blocks; i++, at += stride) {
      if ((data.get(LittleEndian.INT, at) & F32_EXPONENT) == F32_EXPONENT) {
        return i;
      }
    }
    return -1;
  }

  private static long firstLong(MemorySegment data) {
    for (long at = 0; at < data.byteSize(); at += Long.BYTES) {
      if ((data.get(LittleEndian.LONG, at) & F64_EXPONENT) == F64_EXPONENT) {
        return at / Long.BYTES;
      }
    }
    return -1;
  }

  /// The F16 scale is made of the highest four bits of the four scale words at the block's end.
  private static long firstIq1M(MemorySegment data, int stride) {
    for (long block = 0; block < data.byteSize() / stride; block++) {
      long scales = (block + 1) * stride - 4 * Short.BYTES;
      int scale = 0;
      for (int i = 0; i < 4; i++) {
        int word = data.get(LittleEndian.SHORT, scales + (long) i * Short.BYTES) & 0xf000;
        scale |= word >>> (12 - 4 * i);
      }
      if ((scale & F16_EXPONENT) == F16_EXPONENT) {
        return block;
      }
    }
    return -1;
  }

  private static long firstE8M0(MemorySegment data, int stride) {
    for (long block = 0; block < data.byteSize() / stride; block++) {
      if (data.get(ValueLayout.JAVA_BYTE, block * stride) == E8M0_NAN) {
        return block;
      }
    }
    return -1;
  }
}
