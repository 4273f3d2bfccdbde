package io.lorikeet.finetune.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/// A curve in characters: each braille character has two dots across and four down.
public final class BrailleChart {
  private static final int ACROSS = 2;
  private static final int DOWN = 4;
  private static final int EMPTY = 0x2800;

  /// Bits of a character's dots, by column and row (Unicode, "Braille Patterns").
  private static final int[][] DOTS = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};

  private final int columns;
  private final int rows;
  private final double low;
  private final double high;

  /// @param columns characters across, without the axis
  /// @param rows characters down
  /// @param low value at the bottom
  /// @param high value at the top
  public BrailleChart(int columns, int rows, double low, double high) {
    this.columns = columns;
    this.rows = rows;
    this.low = low;
    this.high = high > low ? high : low + 1;
  }

  /// The curve, with the values of the top and the bottom before the first and the last line.
  ///
  /// @param values over the width; those that aren't finite leave a gap
  public List<String> lines(double[] values) {
    int[][] cells = new int[rows][columns];
    int width = columns * ACROSS;
    for (int x = 0; x < width && values.length > 0; x++) {
      int from = (int) ((long) x * values.length / width);
      int to = Math.max(from + 1, (int) ((x + 1L) * values.length / width));
      double mean =
          DoubleStream.of(Arrays.copyOfRange(values, from, to))
              .filter(Double::isFinite)
              .average()
              .orElse(Double.NaN);
      if (Double.isFinite(mean)) {
        set(cells, x, mean);
      }
    }
    List<String> lines = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      StringBuilder line = new StringBuilder();
      String axis = row == 0 ? number(high) : row == rows - 1 ? number(low) : "";
      line.append(String.format(Locale.ROOT, "%9s ", axis));
      for (int cell : cells[row]) {
        line.appendCodePoint(EMPTY + cell);
      }
      lines.add(line.toString());
    }
    return lines;
  }

  private void set(int[][] cells, int x, double value) {
    double share = Math.clamp((value - low) / (high - low), 0, 1);
    int y = (int) Math.round((1 - share) * (rows * DOWN - 1));
    cells[y / DOWN][x / ACROSS] |= DOTS[x % ACROSS][y % DOWN];
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, Math.abs(value) < 1e5 ? "%.4f" : "%.2e", value);
  }
}
