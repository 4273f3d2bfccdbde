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

  ErrorPass(CodeLayout layout, Feedback feedback, int rows) {
    this.layout = layout;
    this.feedback = feedback;
    this.rows = rows;
    lookup = layout.table() == null ? null : lookup(layout.table());
    carried = new float[feedback.directions() * rows];
    shift = new float[rows];
    error = new float[rows];
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
      if (lookup == null) {
        roundOnLine(target, column * rows, origin, step, group, codes);
      } else {
        roundByTable(target, column * rows, step, group, codes);
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

  private void roundOnLine(
      float[] target, int first, float[] origin, float[] step, int group, byte[] codes) {
    float smallest = layout.smallestCode();
    float largest = layout.largestCode();
    for (int row = 0; row < rows; row++) {
      float wanted = target[first + row];
      float distance = step[group + row];
      float start = origin[group + row];
      float inverse = distance == 0 ? 0 : 1 / distance;
      float x = (wanted - shift[row] - start) * inverse;
      float code = (float) Math.floor(Math.min(Math.max(x, smallest), largest) + 0.5f);
      codes[first + row] = (byte) (int) code;
      error[row] = start + code * distance - wanted;
    }
  }

  private void roundByTable(float[] target, int first, float[] step, int group, byte[] codes) {
    int[] table = layout.table();
    for (int row = 0; row < rows; row++) {
      float wanted = target[first + row];
      float distance = step[group + row];
      float inverse = distance == 0 ? 0 : 1 / distance;
      float x = (wanted - shift[row]) * inverse;
      int index = (int) Math.floor(Math.min(Math.max(x, -LOOKUP_ORIGIN), LOOKUP_ORIGIN - 1) + 0.5f);
      byte code = lookup[LOOKUP_ORIGIN + index];
      codes[first + row] = code;
      error[row] = table[code] * distance - wanted;
    }
  }
}
