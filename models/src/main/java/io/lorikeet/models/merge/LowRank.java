package io.lorikeet.models.merge;

import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What adapters add to a weight [columns, rows]: a product of two thin matrices.
///
/// @param rows the weight's ne1
/// @param columns the weight's ne0
/// @param rank columns of `left`, rows of `right`
/// @param left [rank, rows], scaled
/// @param right [columns, rank]
record LowRank(int rows, int columns, int rank, float[] left, float[] right) {

  /// No update: the weight as it is.
  static LowRank none(int rows, int columns) {
    return new LowRank(rows, columns, 0, new float[0], new float[0]);
  }

  /// The sum of the pairs' products. The pair of a token embedding is flipped: there A holds a row
  /// for each of the weight's rows.
  ///
  /// @param parts pairs of one weight, at least one
  /// @param expert which of the weight's matrices, 0 where there is only one
  static LowRank of(List<MergedMatrix.Part> parts, int expert) {
    List<LowRank> products = new ArrayList<>();
    for (MergedMatrix.Part part : parts) {
      LoraPair pair = part.pair();
      int rank = pair.rank();
      float[] a = slice(pair.a(), expert, pair.experts());
      float[] b = slice(pair.b(), expert, pair.experts());
      boolean flipped = pair.baseTensor().equals(LoraTargets.EMBEDDING);
      float[] left = scaled(flipped ? a : b, part.factor());
      products.add(
          flipped
              ? new LowRank(
                  pair.inputs(), pair.outputs(), rank, left, transposed(b, rank, pair.outputs()))
              : new LowRank(pair.outputs(), pair.inputs(), rank, left, a));
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

  /// Several products as one, their ranks one behind the other.
  private static LowRank joined(List<LowRank> parts) {
    int rows = parts.getFirst().rows();
    int columns = parts.getFirst().columns();
    int rank = parts.stream().mapToInt(LowRank::rank).sum();
    float[] left = new float[Math.multiplyExact(rows, rank)];
    float[] right = new float[Math.multiplyExact(columns, rank)];
    int first = 0;
    for (LowRank part : parts) {
      for (int row = 0; row < rows; row++) {
        System.arraycopy(part.left(), row * part.rank(), left, row * rank + first, part.rank());
      }
      System.arraycopy(part.right(), 0, right, first * columns, part.right().length);
      first += part.rank();
    }
    return new LowRank(rows, columns, rank, left, right);
  }

  /// Computes a row of the product.
  ///
  /// @param to receives `columns` values from index `at` on
  void row(int row, float[] to, int at) {
    int j = 0;
    Arrays.fill(to, at, at + columns, 0);
    for (; j + 4 <= rank; j += 4) {
      add4(left, row * rank + j, right, j * columns, to, at, columns);
    }
    for (; j < rank; j++) {
      add(left[row * rank + j], right, j * columns, to, at, columns);
    }
  }

  private static void add4(
      float[] left, int l, float[] right, int r, float[] to, int at, int columns) {
    float f0 = left[l];
    float f1 = left[l + 1];
    float f2 = left[l + 2];
    float f3 = left[l + 3];
    int r1 = r + columns;
    int r2 = r1 + columns;
    int r3 = r2 + columns;
    for (int c = 0; c < columns; c++) {
      to[at + c] +=
          f0 * right[r + c] + f1 * right[r1 + c] + f2 * right[r2 + c] + f3 * right[r3 + c];
    }
  }

  private static void add(float factor, float[] right, int r, float[] to, int at, int columns) {
    for (int c = 0; c < columns; c++) {
      to[at + c] += factor * right[r + c];
    }
  }
}
