package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Rounds rows to the scales that their blocks have already, passing errors on by [Feedback].
///
/// A block keeps the base's scale unless rounding the updated values to it costs more than rounding
/// values at random would: then the update left the block's range, and ggml chooses a new scale.
final class ShapedRounding implements RowRounding {
  private static final double ERROR_OF_RANDOM_VALUES = 1.0 / 12;

  /// IQ4's 16 values span 240.
  private static final float MEAN_SPACING_OF_TABLES = 15;

  private final TensorType type;
  private final int columns;
  private final CodeLayout layout;
  private final Feedback feedback;
  private final NearestRounding nearest;
  private final byte[] zeroCodes;
  private final byte[] unitCodes;
  private final byte[] codeBits;

  /// @param importance of each column, or null where all count alike
  ShapedRounding(
      TensorType type, int columns, CodeLayout layout, Feedback feedback, float[] importance) {
    this.type = type;
    this.columns = columns;
    this.layout = layout;
    this.feedback = feedback;
    nearest = new NearestRounding(type, columns, importance);
    zeroCodes = blockOf(0);
    unitCodes = blockOf(layout.table() == null ? 1 : layout.unitCode());
    codeBits = blockOf(-1);
  }

  /// A block of zeros but for the codes.
  private byte[] blockOf(int code) {
    byte[] block = new byte[type.blockBytes()];
    for (int e = 0; e < type.blockSize(); e++) {
      layout.put(block, 0, e, code);
    }
    return block;
  }

  @Override
  public void round(MemorySegment base, MemorySegment target, MemorySegment out) {
    int rows = Math.toIntExact(target.byteSize() / Float.BYTES / columns);
    Batch batch = new Batch(rows, target.toArray(ValueLayout.JAVA_FLOAT));
    try (Arena arena = Arena.ofConfined()) {
      if (base == null) {
        nearest.round(null, target, out);
        batch.bytes = out.toArray(ValueLayout.JAVA_BYTE);
        readGrid(batch, arena);
      } else {
        batch.bytes = base.toArray(ValueLayout.JAVA_BYTE);
        readGrid(batch, arena);
        if (replaceUnfitting(batch, target, arena)) {
          readGrid(batch, arena);
        }
      }
    }
    float[] columnwise = transposed(batch.target, columns, rows);
    int groups = columns / layout.group();
    byte[] codes =
        new ErrorPass(layout, feedback, rows)
            .codes(
                columnwise,
                transposed(batch.origin, groups, rows),
                transposed(batch.step, groups, rows));
    putCodes(batch, codes);
    out.copyFrom(MemorySegment.ofArray(batch.bytes));
  }

  /// @param matrix [inner, outer]
  private static float[] transposed(float[] matrix, int inner, int outer) {
    float[] result = new float[matrix.length];
    for (int i = 0; i < outer; i++) {
      for (int j = 0; j < inner; j++) {
        result[j * outer + i] = matrix[i * inner + j];
      }
    }
    return result;
  }

  /// @param codes [rows, columns]
  private void putCodes(Batch batch, byte[] codes) {
    int blockSize = type.blockSize();
    int block = 0;
    for (int row = 0; row < batch.rows; row++) {
      for (int first = 0; first < columns; first += blockSize) {
        for (int e = 0; e < blockSize; e++) {
          layout.put(batch.bytes, block, e, codes[(first + e) * batch.rows + row]);
        }
        block += type.blockBytes();
      }
    }
  }

  /// Rows at work.
  private final class Batch {
    final int rows;
    final float[] target;
    byte[] bytes;
    float[] origin;
    float[] step;

    Batch(int rows, float[] target) {
      this.rows = rows;
      this.target = target;
    }
  }

  /// Asks ggml what code 0 and the next one stand for in each group: [groups of a row, rows].
  private void readGrid(Batch batch, Arena arena) {
    float[] atZero = valuesOf(batch.bytes, zeroCodes, arena);
    float[] atUnit = valuesOf(batch.bytes, unitCodes, arena);
    int groups = batch.target.length / layout.group();
    batch.origin = new float[groups];
    batch.step = new float[groups];
    for (int g = 0; g < groups; g++) {
      int first = g * layout.group();
      batch.origin[g] = layout.table() == null ? atZero[first] : 0;
      batch.step[g] = atUnit[first] - batch.origin[g];
    }
  }

  /// The blocks' values if all elements had the codes of `codes`.
  private float[] valuesOf(byte[] blocks, byte[] codes, Arena arena) {
    byte[] changed = new byte[blocks.length];
    int size = codes.length;
    for (int start = 0; start < blocks.length; start += size) {
      for (int i = 0; i < size; i++) {
        changed[start + i] = (byte) (blocks[start + i] & ~codeBits[i] | codes[i]);
      }
    }
    MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, changed);
    return RowDequantizer.floats(type, bytes);
  }

  /// Gives blocks whose values left the base's range what ggml makes of them.
  ///
  /// @return whether there were any
  private boolean replaceUnfitting(Batch batch, MemorySegment target, Arena arena) {
    int blocksOfRow = columns / type.blockSize();
    boolean any = false;
    for (int row = 0; row < batch.rows; row++) {
      MemorySegment fresh = null;
      for (int block = 0; block < blocksOfRow; block++) {
        if (fits(batch, row * columns + block * type.blockSize())) {
          continue;
        }
        if (fresh == null) {
          fresh = arena.allocate(type.rowBytes(columns), 64);
          long rowBytes = (long) columns * Float.BYTES;
          nearest.round(null, target.asSlice(row * rowBytes, rowBytes), fresh);
        }
        int size = type.blockBytes();
        MemorySegment.copy(
            fresh,
            ValueLayout.JAVA_BYTE,
            (long) block * size,
            batch.bytes,
            (row * blocksOfRow + block) * size,
            size);
        any = true;
      }
    }
    return any;
  }

  /// @param first index of the block's first element
  private boolean fits(Batch batch, int first) {
    int group = layout.group();
    float spacing = layout.table() == null ? 1 : MEAN_SPACING_OF_TABLES;
    double error = 0;
    double random = 0;
    for (int start = first; start < first + type.blockSize(); start += group) {
      float step = batch.step[start / group];
      float origin = batch.origin[start / group];
      error +=
          layout.table() == null
              ? errorOnLine(batch.target, start, origin, step)
              : errorByTable(batch.target, start, step);
      random += group * spacing * spacing * step * step * ERROR_OF_RANDOM_VALUES;
    }
    return error <= random;
  }

  private float errorOnLine(float[] target, int first, float origin, float step) {
    float inverse = step == 0 ? 0 : 1 / step;
    float smallest = layout.smallestCode();
    float span = layout.largestCode() - smallest;
    float error = 0;
    for (int i = first; i < first + layout.group(); i++) {
      float x = (target[i] - origin) * inverse - smallest;
      float code = (int) (Math.min(Math.max(x, 0), span) + 0.5f) + smallest;
      float rest = target[i] - origin - code * step;
      error += rest * rest;
    }
    return error;
  }

  private float errorByTable(float[] target, int first, float step) {
    float inverse = step == 0 ? 0 : 1 / step;
    float error = 0;
    for (int i = first; i < first + layout.group(); i++) {
      float rest = target[i] - step * nearest(target[i] * inverse);
      error += rest * rest;
    }
    return error;
  }

  private float nearest(float x) {
    int[] table = layout.table();
    float best = table[0];
    for (int value : table) {
      best = Math.abs(value - x) < Math.abs(best - x) ? value : best;
    }
    return best;
  }
}
