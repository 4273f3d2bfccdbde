package io.lorikeet.bindings.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/// Codes and scales against the numbers of ggml's `to_float`, bit by bit.
@ExtendWith(LeakCheck.class)
class CodedBlocksTest {
  private static final int BLOCKS = 500;

  static final List<TensorType> PRODUCT_TYPES = List.of(TensorType.F32, TensorType.BF16);

  /// Blocks of random bytes; their scales are any numbers of F16, infinite ones and none too.
  private static MemorySegment randomBlocks(Arena arena, TensorType type) {
    byte[] bytes = new byte[BLOCKS * type.blockBytes()];
    new SplittableRandom(7).nextBytes(bytes);
    return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
  }

  private static TensorType typeOf(CodedBlocks blocks) {
    return TensorType.valueOf(blocks.name());
  }

  @ParameterizedTest
  @EnumSource
  void codesTimesScales(CodedBlocks blocks) {
    TensorType type = typeOf(blocks);
    assertEquals(blocks, CodedBlocks.of(type).orElseThrow());
    int elements = BLOCKS * type.blockSize();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment packed = randomBlocks(arena, type);
      MemorySegment codes = arena.allocate(elements);
      MemorySegment scales = arena.allocate(ValueLayout.JAVA_FLOAT, elements / blocks.group());
      blocks.unpack(packed.address(), elements, codes.address(), scales.address());
      float[] products = new float[elements];
      for (int i = 0; i < elements; i++) {
        products[i] =
            codes.get(ValueLayout.JAVA_BYTE, i)
                * scales.getAtIndex(ValueLayout.JAVA_FLOAT, i / blocks.group());
      }
      assertArrayEquals(RowDequantizer.floats(type, packed), products);
    }
  }

  @ParameterizedTest
  @FieldSource("PRODUCT_TYPES")
  void oneDnnMultipliesThem(TensorType to) {
    OneDnnChoice choice =
        OneDnnLibrary.load()
            .map(OneDnnLibrary::choice)
            .orElseGet(() -> Assumptions.abort("there is no oneDNN here"));
    int groups = 37;
    int size = 32;
    try (Arena arena = Arena.ofConfined();
        OneDnnThreads threads = new OneDnnThreads(choice, 1)) {
      byte[] codes = new byte[groups * size];
      new SplittableRandom(7).nextBytes(codes);
      float[] scales = new float[groups];
      for (int i = 0; i < groups; i++) {
        scales[i] = 1.37f / (i + 1);
      }
      MemorySegment result = arena.allocate((long) to.blockBytes() * codes.length, 64);
      threads
          .primitive(0, new OneDnnScaling(to, groups, size))
          .run(
              arena.allocateFrom(ValueLayout.JAVA_BYTE, codes).address(),
              result.address(),
              arena.allocateFrom(ValueLayout.JAVA_FLOAT, scales).address());
      float[] expected = new float[codes.length];
      for (int i = 0; i < codes.length; i++) {
        expected[i] = rounded(codes[i] * scales[i / size], to);
      }
      assertArrayEquals(expected, RowDequantizer.floats(to, result));
    }
  }

  /// To the nearest, and half way to even.
  private static float rounded(float x, TensorType to) {
    if (to == TensorType.F32) {
      return x;
    }
    int bits = Float.floatToRawIntBits(x);
    return Float.intBitsToFloat(bits + 0x7FFF + (bits >>> 16 & 1) & 0xFFFF0000);
  }
}
