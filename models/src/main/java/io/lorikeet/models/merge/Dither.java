package io.lorikeet.models.merge;

/// Rounds to one of the two neighbours, each as likely as the value is near to it, so that sums
/// over many elements are right whatever the size of a step. Each element has a threshold by its
/// place. So the same update is always rounded alike, and an element changes only when its own
/// update passes its threshold. Training can adapt to such constant rounding.
final class Dither {
  /// Values this near to a neighbour, in steps, are that neighbour: the last bit of a product must
  /// not round untouched elements away from their value.
  private static final float NEAR = 5e-5f;

  private final CodeLayout layout;
  private final int[] rowHashes;
  private final float[] thresholds;
  private final float[] inverse;
  private final int[] codes;
  private float[] origin = {};

  /// @param firstRow index of the first row in its matrix
  Dither(CodeLayout layout, int firstRow, int rows) {
    this.layout = layout;
    rowHashes = new int[rows];
    thresholds = new float[rows];
    inverse = new float[rows];
    codes = new int[rows];
    for (int row = 0; row < rows; row++) {
      rowHashes[row] = (firstRow + row) * 0x9E3779B1;
    }
  }

  /// Begins a group of columns, which share scales.
  ///
  /// @param origin the value of code 0, of each row
  /// @param step the distance of two codes, or the factor of the table, of each row
  void beginGroup(float[] origin, float[] step) {
    this.origin = origin;
    for (int row = 0; row < inverse.length; row++) {
      inverse[row] = step[row] == 0 ? 0 : 1 / step[row];
    }
  }

  /// Chooses the codes of a column.
  ///
  /// @param column its index in the matrix
  /// @param target the value to be rounded, of each row
  /// @return of each row, until the next call
  int[] codes(int column, float[] target) {
    computeThresholds(column * 0x85EBCA77);
    if (layout.isLine()) {
      roundOnLine(target, origin);
    } else {
      roundByTable(target);
    }
    return codes;
  }

  /// Numbers from `NEAR` to 1 - `NEAR` that look random: a hash of row and column,
  /// mixed by multiplications (C. Wellons, hash-prospector).
  private void computeThresholds(int columnHash) {
    float[] all = thresholds;
    int[] hashes = rowHashes;
    for (int row = 0; row < all.length; row++) {
      int h = hashes[row] ^ columnHash;
      h ^= h >>> 15;
      h *= 0x2C1B3C6D;
      h ^= h >>> 12;
      h *= 0x297A2D39;
      h ^= h >>> 15;
      all[row] = NEAR + (1 - 2 * NEAR) * 0x1p-24f * (h >>> 8);
    }
  }

  /// Without branches, for vector operations.
  private void roundOnLine(float[] target, float[] start) {
    int smallest = layout.smallestCode();
    float span = layout.largestCode() - smallest + 0.5f;
    float[] inverses = inverse;
    float[] all = thresholds;
    int[] chosen = codes;
    for (int row = 0; row < all.length; row++) {
      float x = (target[row] - start[row]) * inverses[row] - smallest;
      chosen[row] = (int) Math.min(Math.max(x + all[row], 0), span) + smallest;
    }
  }

  private void roundByTable(float[] target) {
    int[] table = layout.table();
    for (int row = 0; row < codes.length; row++) {
      float x = target[row] * inverse[row];
      int below = layout.codeBelow(x);
      int above = layout.codeAbove(x);
      float distance = table[above] - table[below];
      boolean up = x - table[below] >= (1 - thresholds[row]) * distance;
      codes[row] = up ? above : below;
    }
  }
}
