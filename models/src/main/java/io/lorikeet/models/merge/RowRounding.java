package io.lorikeet.models.merge;

import java.lang.foreign.MemorySegment;

/// Rounds rows to a type.
interface RowRounding {

  /// Elements of rows that are computed together: few enough to stay in a core's cache.
  int BATCH_ELEMENTS = 1 << 15;

  /// Rows of a batch where their number doesn't matter.
  static int fewRows(int columns) {
    return Math.max(1, BATCH_ELEMENTS / columns);
  }

  /// Rows that are best rounded together.
  int batchRows();

  /// @param firstRow index of the first row in its matrix
  /// @param base the rows before the update, in the type that they had
  /// @param target the values to be rounded, `[columns, rows]`
  /// @param out native memory for the rounded rows
  void round(int firstRow, MemorySegment base, float[] target, MemorySegment out);
}
