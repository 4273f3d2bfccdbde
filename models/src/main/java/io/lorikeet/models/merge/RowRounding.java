package io.lorikeet.models.merge;

import java.lang.foreign.MemorySegment;

/// Rounds rows to a type.
interface RowRounding {

  /// @param base the rows before the update in the same type, or null when they had another
  /// @param target native memory, F32 [columns, rows]: what is to be rounded
  /// @param out native memory for the rounded rows
  void round(MemorySegment base, MemorySegment target, MemorySegment out);
}
