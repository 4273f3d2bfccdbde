package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// ggml's own rounding.
///
/// @param importance of each column, or null where all count alike
record NearestRounding(TensorType type, int columns, float @Nullable [] importance)
    implements RowRounding {

  @Override
  public int batchRows() {
    return RowRounding.fewRows(columns);
  }

  @Override
  public void round(int firstRow, MemorySegment base, float[] target, MemorySegment out) {
    round(target, out);
  }

  /// Rounds rows, whatever was there before.
  void round(float[] target, MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, target);
      if (importance == null && !RowQuantizer.needsImportance(type)) {
        RowQuantizer.quantize(type, floats, columns, out);
        return;
      }
      float[] weights = importance == null ? ones() : importance;
      MemorySegment copy = arena.allocateFrom(ValueLayout.JAVA_FLOAT, weights);
      RowQuantizer.quantize(type, floats, columns, copy, out);
    }
  }

  private float[] ones() {
    float[] ones = new float[columns];
    Arrays.fill(ones, 1);
    return ones;
  }
}
