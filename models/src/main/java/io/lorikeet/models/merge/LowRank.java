package io.lorikeet.models.merge;

import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The change of a weight `[columns, rows]` by adapters: a product of two thin matrices.
///
/// @param rows the weight's ne1
/// @param columns the weight's ne0
/// @param rank columns of `left`, rows of `right`
/// @param left `[rank, rows]`, scaled
/// @param right `[columns, rank]`, a row's values each
record LowRank(int rows, int columns, int rank, float[] left, float[][] right) {
  /// Columns that are computed together.
  private static final int TILE = 512;

  /// No update: the weight as it is.
  static LowRank none(int rows, int columns) {
    return new LowRank(rows, columns, 0, new float[0], new float[0][]);
  }

  /// The sum of the pairs' products. The pair of a token embedding is flipped: there A holds a row
  /// for each of the weight's rows.
  ///
  /// @param parts pairs of one weight, at least one
  /// @param expert which of the weight's matrices, 0 where there is only one
  static LowRank of(List<MergedMatrix.ScaledPair> parts, int expert) {
    List<LowRank> products = new ArrayList<>();
    for (MergedMatrix.ScaledPair part : parts) {
      LoraPair pair = part.pair();
      int rank = pair.rank();
      float[] a = slice(pair.a(), expert, pair.experts());
      float[] b = slice(pair.b(), expert, pair.experts());
      boolean flipped = pair.baseTensor().equals(LoraTargets.EMBEDDING);
      float[] left = scaled(flipped ? a : b, part.factor());
      products.add(
          flipped
              ? new LowRank(pair.inputs(), pair.outputs(), rank, left, columns(b, rank))
              : new LowRank(pair.outputs(), pair.inputs(), rank, left, rows(a, rank)));
    }
    return products.size() == 1 ? products.getFirst() : joined(products);
  }

  private static float[] slice(float[] values, int number, int count) {
    int length = values.length / count;
    return count == 1 ? values : Arrays.copyOfRange(values, number * length, (number + 1) * length);
  }

  private static float[] scaled(float[] values, float factor) {
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i] * factor;
    }
    return result;
  }

  /// @param matrix `[columns, rank]`
  private static float[][] rows(float[] matrix, int rank) {
    int columns = matrix.length / rank;
    float[][] rows = new float[rank][];
    for (int j = 0; j < rank; j++) {
      rows[j] = Arrays.copyOfRange(matrix, j * columns, (j + 1) * columns);
    }
    return rows;
  }

  /// @param matrix `[rank, columns]`
  private static float[][] columns(float[] matrix, int rank) {
    float[][] columns = new float[rank][matrix.length / rank];
    for (int i = 0; i < matrix.length; i++) {
      columns[i % rank][i / rank] = matrix[i];
    }
    return columns;
  }

  /// Several products as one, their ranks one behind the other.
  private static LowRank joined(List<LowRank> parts) {
    int rows = parts.getFirst().rows();
    int columns = parts.getFirst().columns();
    int rank = parts.stream().mapToInt(LowRank::rank).sum();
    float[] left = new float[Math.multiplyExact(rows, rank)];
    float[][] right = new float[rank][];
    int first = 0;
    for (LowRank part : parts) {
      for (int row = 0; row < rows; row++) {
        System.arraycopy(part.left(), row * part.rank(), left, row * rank + first, part.rank());
      }
      System.arraycopy(part.right(), 0, right, first, part.rank());
      first += part.rank();
    }
    return new LowRank(rows, columns, rank, left, right);
  }

  /// Computes consecutive rows of the product, some columns at a time, so that what they share
  /// stays in a core's nearest cache.
  ///
  /// @param to receives their values, `[columns, rows]`
  void rows(int first, float[] to) {
    int count = to.length / columns;
    float[] sums = new float[TILE];
    float[][] tile = new float[rank][TILE];
    for (int start = 0; start < columns; start += TILE) {
      int width = Math.min(TILE, columns - start);
      for (int j = 0; j < rank; j++) {
        System.arraycopy(right[j], start, tile[j], 0, width);
      }
      for (int i = 0; i < count; i++) {
        Arrays.fill(sums, 0);
        addRow(first + i, tile, sums);
        System.arraycopy(sums, 0, to, i * columns + start, width);
      }
    }
  }

  private void addRow(int row, float[][] tile, float[] to) {
    int j = 0;
    for (; j + 4 <= rank; j += 4) {
      add(left, row * rank + j, tile[j], tile[j + 1], tile[j + 2], tile[j + 3], to);
    }
    for (; j < rank; j++) {
      add(left[row * rank + j], tile[j], to);
    }
  }

  /// The compiler makes vector operations of loops over arrays at the same index.
  private static void add(
      float[] factors, int first, float[] a, float[] b, float[] c, float[] d, float[] to) {
    float f = factors[first];
    float g = factors[first + 1];
    float h = factors[first + 2];
    float k = factors[first + 3];
    for (int i = 0; i < to.length; i++) {
      to[i] += f * a[i] + g * b[i] + h * c[i] + k * d[i];
    }
  }

  private static void add(float factor, float[] a, float[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] += factor * a[i];
    }
  }
}
