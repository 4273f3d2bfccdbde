package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The values of codes in the blocks of a batch of rows, by group of elements and row. They are
/// found with ggml: the same blocks with all codes 0, and with those of one step, are dequantized.
final class BlockScales {
  /// The value of code 0, or 0 where the scale multiplies a table: by group of a row, of each row.
  final float[][] origin;

  /// The distance of two codes, or the factor of the table, in the same order.
  final float[][] step;

  private final TensorType type;
  private final CodeLayout layout;
  private final boolean line;
  private final byte[] kept;
  private final byte[] unit;
  private final byte[] plain;
  private final byte[] atZero;
  private final byte[] atUnit;
  private final MemorySegment bytes;
  private final MemorySegment floats;

  /// @param arena of the memory to work in
  BlockScales(TensorType type, CodeLayout layout, int columns, int rows, Arena arena) {
    this.type = type;
    this.layout = layout;
    int blocks = columns / type.blockSize();
    int rowBytes = blocks * type.blockBytes();
    origin = new float[columns / layout.group()][rows];
    step = new float[columns / layout.group()][rows];
    kept = new byte[rowBytes];
    unit = new byte[rowBytes];
    for (int start = 0; start < rowBytes; start += type.blockBytes()) {
      for (int e = 0; e < type.blockSize(); e++) {
        layout.put(kept, start, e, -1);
        layout.put(unit, start, e, layout.isLine() ? 1 : layout.unitCode());
      }
    }
    for (int i = 0; i < rowBytes; i++) {
      kept[i] = (byte) ~kept[i];
    }
    plain = new byte[rowBytes];
    atZero = new byte[rowBytes];
    atUnit = new byte[rowBytes];
    line = layout.isLine();
    int rowsToAsk = line ? 2 : 1; // where the scale multiplies a table, code 0 says nothing
    bytes = arena.allocate((long) rowsToAsk * rowBytes, 64);
    floats = arena.allocate((long) rowsToAsk * columns * Float.BYTES, 64);
  }

  /// Reads the blocks of a row.
  ///
  /// @param from bytes of blocks
  /// @param start index of the row's first byte
  void read(byte[] from, int start, int row) {
    int size = plain.length;
    System.arraycopy(from, start, plain, 0, size);
    for (int i = 0; i < size; i++) {
      atZero[i] = (byte) (plain[i] & kept[i]);
      atUnit[i] = (byte) (plain[i] & kept[i] | unit[i]);
    }
    MemorySegment.copy(atUnit, 0, bytes, ValueLayout.JAVA_BYTE, 0, size);
    if (line) {
      MemorySegment.copy(atZero, 0, bytes, ValueLayout.JAVA_BYTE, size, size);
    }
    RowDequantizer.dequantize(type, bytes, floats);
    long columns = (long) origin.length * layout.group();
    for (int group = 0; group < origin.length; group++) {
      long first = (long) group * layout.group();
      float zero = line ? floats.getAtIndex(ValueLayout.JAVA_FLOAT, columns + first) : 0;
      origin[group][row] = zero;
      step[group][row] = floats.getAtIndex(ValueLayout.JAVA_FLOAT, first) - zero;
    }
  }
}
