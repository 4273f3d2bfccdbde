package io.lorikeet.models.merge;

import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Rounds updated rows to the scales that their blocks have already, by [Dither]. Elements that the
/// update doesn't touch stay as they are.
///
/// A block keeps the base's scale unless rounding the updated values to it costs more than rounding
/// values at random would. Then the update left the block's range, and the block is quantized anew
/// by ggml.
final class DitheredRounding implements RowRounding {
  /// Enough for loops over rows to be fast, few enough to stay in a core's cache.
  private static final int BATCH_ROWS = 64;

  private final TensorType type;
  private final int columns;
  private final CodeLayout layout;
  private final float @Nullable [] importance;
  private final NearestRounding nearest;

  /// @param importance of each column, or null where all count alike
  DitheredRounding(TensorType type, int columns, CodeLayout layout, float @Nullable [] importance) {
    this.type = type;
    this.columns = columns;
    this.layout = layout;
    this.importance = importance;
    nearest = new NearestRounding(type, columns, importance);
  }

  @Override
  public int batchRows() {
    return BATCH_ROWS;
  }

  @Override
  public void round(int firstRow, MemorySegment base, float[] target, MemorySegment out) {
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = base.toArray(ValueLayout.JAVA_BYTE);
      new RowBatch(firstRow, target, bytes, arena).round();
      out.copyFrom(MemorySegment.ofArray(bytes));
    }
  }

  /// Rows at work, block by block of all of them: loops over rows are what the compiler makes
  /// vector operations of.
  private final class RowBatch {
    private final int rows;
    private final float[] target;
    private final byte[] bytes;
    private final Arena arena;
    private final BlockScales scales;
    private final BlockFit fit;
    private final Dither dither;
    private final int[] codeBytes = layout.codeBytes();
    private final float[][] tile;
    private final int[][] packed;
    private final byte[][] fresh;

    /// @param target `[columns, rows]`
    /// @param bytes the base's blocks; receives the merged ones
    RowBatch(int firstRow, float[] target, byte[] bytes, Arena arena) {
      rows = target.length / columns;
      this.target = target;
      this.bytes = bytes;
      this.arena = arena;
      scales = new BlockScales(type, layout, columns, rows, arena);
      fit = new BlockFit(layout, importance, rows);
      dither = new Dither(layout, firstRow, rows);
      tile = new float[type.blockSize()][rows];
      packed = new int[type.blockBytes()][rows];
      fresh = new byte[rows][];
    }

    void round() {
      int blocks = columns / type.blockSize();
      for (int row = 0; row < rows; row++) {
        scales.read(bytes, startOf(row, 0), row);
      }
      for (int block = 0; block < blocks; block++) {
        loadTile(block);
        chooseCodes(block);
        store(block, fit.of(tile, block, scales));
      }
    }

    private void loadTile(int block) {
      for (int row = 0; row < rows; row++) {
        int first = row * columns + block * tile.length;
        for (int e = 0; e < tile.length; e++) {
          tile[e][row] = target[first + e];
        }
      }
    }

    private void chooseCodes(int block) {
      for (int place : codeBytes) {
        Arrays.fill(packed[place], 0);
      }
      for (int e = 0; e < tile.length; e++) {
        int column = block * tile.length + e;
        int group = column / layout.group();
        if (column % layout.group() == 0) {
          dither.beginGroup(scales.origin[group], scales.step[group]);
        }
        layout.pack(e, dither.codes(column, tile[e]), packed);
      }
    }

    private void store(int block, boolean[] fits) {
      for (int row = 0; row < rows; row++) {
        int start = startOf(row, block);
        if (!fits[row]) {
          storeFresh(block, row, start);
          continue;
        }
        for (int place : codeBytes) {
          bytes[start + place] = (byte) packed[place][row];
        }
      }
    }

    private int startOf(int row, int block) {
      return (row * (columns / type.blockSize()) + block) * type.blockBytes();
    }

    /// Stores the block as ggml quantizes it, with scales of its own.
    private void storeFresh(int block, int row, int start) {
      if (fresh[row] == null) {
        MemorySegment blocks = arena.allocate(type.rowBytes(columns), 64);
        float[] values = Arrays.copyOfRange(target, row * columns, (row + 1) * columns);
        nearest.round(values, blocks);
        fresh[row] = blocks.toArray(ValueLayout.JAVA_BYTE);
      }
      int size = type.blockBytes();
      System.arraycopy(fresh[row], block * size, bytes, start, size);
    }
  }
}
