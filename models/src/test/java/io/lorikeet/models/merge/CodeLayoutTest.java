package io.lorikeet.models.merge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CodeLayoutTest {
  private static final int ELEMENTS = 512;

  /// Codes are where the layout says: what ggml makes of them follows from its own values for two
  /// codes, and writing them again changes nothing.
  @ParameterizedTest
  @EnumSource(
      names = {
        "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4", "IQ4_XS", "Q2_K", "Q3_K", "Q4_K",
        "Q5_K", "Q6_K"
      })
  void codesAreWhereGgmlReadsThem(TensorType type) {
    CodeLayout layout = CodeLayout.of(type).orElseThrow();
    SplittableRandom random = new SplittableRandom(7);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(ELEMENTS * Float.BYTES, 64);
      for (int i = 0; i < ELEMENTS; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian(0.3, 1));
      }
      MemorySegment quantized = arena.allocate(type.rowBytes(ELEMENTS), 64);
      RowQuantizer.quantize(type, floats, ELEMENTS, quantized);
      byte[] bytes = quantized.toArray(ValueLayout.JAVA_BYTE);
      float[] values = RowDequantizer.floats(type, quantized);

      byte[] again = bytes.clone();
      byte[] zero = bytes.clone();
      byte[] unit = bytes.clone();
      int unitCode = layout.isLine() ? 1 : layout.unitCode();
      int[] codes = new int[ELEMENTS];
      for (int i = 0; i < ELEMENTS; i++) {
        int start = i / type.blockSize() * type.blockBytes();
        int element = i % type.blockSize();
        codes[i] = layout.get(bytes, start, element);
        assertTrue(codes[i] >= layout.smallestCode() && codes[i] <= layout.largestCode());
        layout.put(again, start, element, layout.largestCode());
        layout.put(again, start, element, codes[i]);
        layout.put(zero, start, element, 0);
        layout.put(unit, start, element, unitCode);
      }
      assertArrayEquals(bytes, again);
      float[] atZero = RowDequantizer.floats(type, inNativeMemory(arena, zero));
      float[] atUnit = RowDequantizer.floats(type, inNativeMemory(arena, unit));
      for (int i = 0; i < ELEMENTS; i++) {
        int first = i / layout.group() * layout.group();
        float expected =
            layout.isLine()
                ? atZero[first] + codes[i] * (atUnit[first] - atZero[first])
                : layout.table()[codes[i]] * atUnit[first];
        assertEquals(values[i], expected, 1e-5, "element " + i);
      }
    }
  }

  private static MemorySegment inNativeMemory(Arena arena, byte[] bytes) {
    return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
  }
}
