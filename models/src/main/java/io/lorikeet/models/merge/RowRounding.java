package io.lorikeet.models.merge;

import java.lang.foreign.MemorySegment;

/// Rounds rows to a type.
interface RowRounding {

  /// @param firstRow index of the first row in its matrix
  /// @param base the rows before the update, in the type that they had
  /// @param target what is to be rounded, [columns, rows]
  /// @param out native memory for the rounded rows
  void round(int firstRow, MemorySegment base, float[] target, MemorySegment out);
}
