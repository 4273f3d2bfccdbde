package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class RowQuantizerTest {

  @Test
  void quantizesRowsAsTheFormatSays() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(2 * 32 * Float.BYTES, 64);
      for (int i = 0; i < 64; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, i < 32 ? i - 16 : 0);
      }
      MemorySegment bytes = arena.allocate(2 * 18, 64);
      RowQuantizer.quantize(TensorType.Q4_0, floats, 32, bytes);
      // A block of Q4_0: the scale -(-16) / 8 in F16, then two 4-bit numbers of 0 to 15 in a byte.
      assertEquals(2, Float.float16ToFloat(bytes.get(ValueLayout.JAVA_SHORT, 0)));
      assertEquals(0x80, bytes.get(ValueLayout.JAVA_BYTE, 2) & 0xff);
      assertEquals(0, Float.float16ToFloat(bytes.get(ValueLayout.JAVA_SHORT, 18)), 1e-9f);
    }
  }

  @Test
  void refusesWhatWouldEndTheProcess() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(256 * Float.BYTES, 64);
      MemorySegment bytes = arena.allocate(256, 64);
      for (TensorType type : new TensorType[] {TensorType.IQ2_XXS, TensorType.Q8_1}) {
        assertThrows(
            IllegalArgumentException.class, () -> RowQuantizer.quantize(type, floats, 256, bytes));
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> RowQuantizer.quantize(TensorType.Q4_0, floats, 256, bytes));
      assertThrows(
          IllegalArgumentException.class,
          () -> RowQuantizer.quantize(TensorType.Q4_0, floats, 100, bytes));
    }
  }

  @Test
  void quantizesByImportanceAndBack() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(256 * Float.BYTES, 64);
      MemorySegment importance = arena.allocate(256 * Float.BYTES, 64);
      for (int i = 0; i < 256; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i));
        importance.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 2 == 0 ? 1 : 1e-3f);
      }
      for (TensorType type : new TensorType[] {TensorType.Q4_K, TensorType.IQ2_XXS}) {
        MemorySegment bytes = arena.allocate(type.rowBytes(256), 64);
        MemorySegment back = arena.allocate(256 * Float.BYTES, 64);
        RowQuantizer.quantize(type, floats, 256, importance, bytes);
        RowDequantizer.dequantize(type, bytes, back);
        double[] errors = new double[2];
        for (int i = 0; i < 256; i++) {
          errors[i % 2] +=
              Math.abs(
                  back.getAtIndex(ValueLayout.JAVA_FLOAT, i)
                      - floats.getAtIndex(ValueLayout.JAVA_FLOAT, i));
        }
        assertTrue(errors[0] < errors[1], type + ": " + errors[0] + " and " + errors[1]);
        assertTrue(errors[0] / 128 < 0.3, type + ": " + errors[0] / 128);
      }
    }
  }
}
