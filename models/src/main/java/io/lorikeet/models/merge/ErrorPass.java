package io.lorikeet.models.merge;

import java.util.Arrays;

/// Rounds a batch of rows column by column, all rows at once, passing errors on. Arrays hold a
/// column's rows one after the other, so that loops over rows run over neighbours.
final class ErrorPass {
  private static final int LOOKUP_ORIGIN = 128;

  private final CodeLayout layout;
  private final Feedback feedback;
  private final int rows;
  private final byte[] lookup;
  private final float[] carried;
  private final float[] shift;
  private final float[] error;
  private final float[] inverse;
  private final int[] chosen;

  ErrorPass(CodeLayout layout, Feedback feedback, int rows) {
    this.layout = layout;
    this.feedback = feedback;
    this.rows = rows;
    lookup = layout.table() == null ? null : lookup(layout.table());
    carried = new float[feedback.directions() * rows];
    shift = new float[rows];
    error = new float[rows];
    inverse = new float[rows];
    chosen = new int[rows];
  }

  /// The nearest entry of a table for each whole number of a byte.
  private static byte[] lookup(int[] table) {
    byte[] nearest = new byte[2 * LOOKUP_ORIGIN];
    for (int i = 0; i < nearest.length; i++) {
      int best = 0;
      for (int code = 1; code < table.length; code++) {
        int distance = Math.abs(table[code] - i + LOOKUP_ORIGIN);
        best = distance < Math.abs(table[best] - i + LOOKUP_ORIGIN) ? code : best;
      }
      nearest[i] = (byte) best;
    }
    return nearest;
  }

  /// Chooses the codes of all elements.
  ///
  /// @param target what is to be rounded, [rows, columns]
  /// @param origin what code 0 stands for in each group, [rows, groups of a row]
  /// @param step the distance of two codes, or what the table is multiplied by, same shape
  /// @return [rows, columns]
  byte[] codes(float[] target, float[] origin, float[] step) {
    byte[] codes = new byte[target.length];
    int directions = feedback.directions();
    for (int column = 0; column < feedback.columns(); column++) {
      Arrays.fill(shift, 0);
      for (int j = 0; j < directions; j++) {
        addProduct(shift, 0, feedback.gain()[column * directions + j], carried, j * rows, rows);
      }
      int group = column / layout.group() * rows;
      if (column % layout.group() == 0) {
        for (int row = 0; row < rows; row++) {
          inverse[row] = step[group + row] == 0 ? 0 : 1 / step[group + row];
        }
      }
      if (lookup == null) {
        roundOnLine(target, column * rows, origin, step, group);
      } else {
        roundByTable(target, column * rows, step, group);
      }
      for (int row = 0; row < rows; row++) {
        codes[column * rows + row] = (byte) chosen[row];
      }
      for (int j = 0; j < directions; j++) {
        addProduct(carried, j * rows, feedback.carry()[column * directions + j], error, 0, rows);
      }
    }
    return codes;
  }

  /// to += factor · from.
  private static void addProduct(
      float[] to, int toStart, float factor, float[] from, int fromStart, int count) {
    for (int i = 0; i < count; i++) {
      to[toStart + i] += factor * from[fromStart + i];
    }
  }

  /// Without branches, so that the compiler makes vector operations of it.
  private void roundOnLine(float[] target, int first, float[] origin, float[] step, int group) {
    float smallest = layout.smallestCode();
    float span = layout.largestCode() - smallest;
    for (int row = 0; row < rows; row++) {
      float start = origin[group + row];
      float x = (target[first + row] - shift[row] - start) * inverse[row] - smallest;
      float code = (int) (Math.min(Math.max(x, 0), span) + 0.5f) + smallest;
      chosen[row] = (int) code;
      error[row] = start + code * step[group + row] - target[first + row];
    }
  }

  private void roundByTable(float[] target, int first, float[] step, int group) {
    int[] table = layout.table();
    for (int row = 0; row < rows; row++) {
      float x = (target[first + row] - shift[row]) * inverse[row] + LOOKUP_ORIGIN;
      int code = lookup[(int) (Math.min(Math.max(x, 0), 2 * LOOKUP_ORIGIN - 1) + 0.5f)];
      chosen[row] = code;
      error[row] = table[code] * step[group + row] - target[first + row];
    }
  }
}
