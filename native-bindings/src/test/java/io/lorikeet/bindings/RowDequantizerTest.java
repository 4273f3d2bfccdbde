package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RowDequantizerTest {
  private static final int ELEMENTS = 512;

  @Test
  void undoesWhatTheQuantizerDid() {
    SplittableRandom random = new SplittableRandom(1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(ELEMENTS * Float.BYTES, 64);
      for (int i = 0; i < ELEMENTS; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
      }
      for (TensorType type : RowQuantizer.types()) {
        MemorySegment bytes = arena.allocate(type.rowBytes(ELEMENTS), 64);
        RowQuantizer.quantize(type, floats, ELEMENTS, bytes);
        float[] values = RowDequantizer.floats(type, bytes);
        assertEquals(ELEMENTS, values.length);
        double bits = 8.0 * type.blockBytes() / type.blockSize();
        double limit = type == TensorType.F32 ? 0 : 2 * Math.pow(2, -Math.min(8, bits - 1.5));
        for (int i = 0; i < ELEMENTS; i++) {
          float expected = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          assertEquals(expected, values[i], limit, type + " at " + i);
        }
      }
    }
  }

  @Test
  void refusesWhatDoesntFit() {
    assertTrue(RowDequantizer.reads(TensorType.IQ2_XXS));
    assertFalse(RowDequantizer.reads(TensorType.I32));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(64, 64);
      assertThrows(
          IllegalArgumentException.class, () -> RowDequantizer.floats(TensorType.I32, bytes));
      MemorySegment floats = arena.allocate(100, 64);
      assertThrows(
          IllegalArgumentException.class,
          () -> RowDequantizer.dequantize(TensorType.Q4_0, bytes, floats));
    }
  }
}
