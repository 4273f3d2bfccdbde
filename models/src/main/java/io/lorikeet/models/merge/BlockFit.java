package io.lorikeet.models.merge;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Says which rows' blocks can hold their values: those that rounding to the nearest costs no more
/// than rounding values at random would. Errors count by the importance of their columns.
final class BlockFit {
  private static final float ERROR_OF_RANDOM_VALUES = 1f / 12;

  private final CodeLayout layout;
  private final float @Nullable [] importance;
  private final float[] error;
  private final float[] random;
  private final float[] inverse;
  private final boolean[] fits;

  /// @param importance of each column of a row, or null where all count alike
  BlockFit(CodeLayout layout, float @Nullable [] importance, int rows) {
    this.layout = layout;
    this.importance = importance;
    error = new float[rows];
    random = new float[rows];
    inverse = new float[rows];
    fits = new boolean[rows];
  }

  /// @param values of the block's elements, of each row
  /// @param block its number in the row
  /// @return of each row, until the next call
  boolean[] of(float[][] values, int block, BlockScales scales) {
    Arrays.fill(error, 0);
    Arrays.fill(random, 0);
    for (int e = 0; e < values.length; e++) {
      int column = block * values.length + e;
      int group = column / layout.group();
      float[] step = scales.step[group];
      if (e % layout.group() == 0) {
        beginGroup(column, step);
      }
      float weight = importance == null ? 1 : importance[column];
      if (layout.isLine()) {
        addErrorOnLine(values[e], weight, scales.origin[group], step);
      } else {
        addErrorByTable(values[e], weight, step);
      }
    }
    for (int row = 0; row < fits.length; row++) {
      fits[row] = error[row] <= random[row];
    }
    return fits;
  }

  private void beginGroup(int column, float[] step) {
    float spacing = layout.spacing();
    float share = weightOfGroup(column) * spacing * spacing * ERROR_OF_RANDOM_VALUES;
    for (int row = 0; row < inverse.length; row++) {
      inverse[row] = step[row] == 0 ? 0 : 1 / step[row];
    }
    for (int row = 0; row < random.length; row++) {
      random[row] += share * step[row] * step[row];
    }
  }

  private float weightOfGroup(int column) {
    if (importance == null) {
      return layout.group();
    }
    float sum = 0;
    for (int i = 0; i < layout.group(); i++) {
      sum += importance[column + i];
    }
    return sum;
  }

  /// Without branches, for vector operations.
  private void addErrorOnLine(float[] values, float weight, float[] origin, float[] step) {
    float smallest = layout.smallestCode();
    float span = layout.largestCode() - smallest;
    float[] errors = error;
    float[] inverses = inverse;
    for (int row = 0; row < errors.length; row++) {
      float value = values[row] - origin[row];
      float x = value * inverses[row] - smallest;
      float code = (int) (Math.min(Math.max(x, 0), span) + 0.5f) + smallest;
      float rest = value - code * step[row];
      errors[row] += weight * rest * rest;
    }
  }

  private void addErrorByTable(float[] values, float weight, float[] step) {
    int[] table = layout.table();
    for (int row = 0; row < values.length; row++) {
      float x = values[row] * inverse[row];
      float down = x - table[layout.codeBelow(x)];
      float up = x - table[layout.codeAbove(x)];
      float rest = step[row] * Math.min(Math.abs(down), Math.abs(up));
      error[row] += weight * rest * rest;
    }
  }
}
