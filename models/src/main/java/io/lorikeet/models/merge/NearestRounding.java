package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// ggml's own rounding.
///
/// @param importance of each column, or null where all count alike
record NearestRounding(TensorType type, int columns, float[] importance) implements RowRounding {

  @Override
  public void round(MemorySegment base, MemorySegment target, MemorySegment out) {
    if (importance == null && !RowQuantizer.needsImportance(type)) {
      RowQuantizer.quantize(type, target, columns, out);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      float[] weights = importance == null ? ones() : importance;
      MemorySegment copy = arena.allocateFrom(ValueLayout.JAVA_FLOAT, weights);
      RowQuantizer.quantize(type, target, columns, copy, out);
    }
  }

  private float[] ones() {
    float[] ones = new float[columns];
    Arrays.fill(ones, 1);
    return ones;
  }
}
