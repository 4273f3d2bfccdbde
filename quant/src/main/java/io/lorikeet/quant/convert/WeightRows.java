package io.lorikeet.quant.convert;

import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.LongUnaryOperator;
import java.util.stream.Collectors;

/// A tensor that is to be written, read row by row from where it is stored; what conversion changes
/// is a matter of which row is read, and of what is done to it.
///
/// @param shape elements per dimension in ggml's order, ne0 (a row's length) first
/// @param origin the name it has in the model's folder, for messages
/// @param reader reads one row
record WeightRows(List<Long> shape, String origin, RowReader reader) {
  /// Reads a row, counted over all but the first dimension.
  @FunctionalInterface
  interface RowReader {
    /// @param into takes the row's numbers
    void read(long row, float[] into);
  }

  WeightRows {
    shape = List.copyOf(shape);
  }

  /// A tensor as it is stored, of a type for which `isFloat` is true.
  static WeightRows of(SafetensorsFile file, SafetensorsTensor tensor) {
    List<Long> shape = tensor.shape().isEmpty() ? List.of(1L) : tensor.shape().reversed();
    MemorySegment data = file.data(tensor);
    long width = shape.getFirst();
    return new WeightRows(
        shape,
        tensor.name(),
        (row, into) -> tensor.type().readFloats(data, Math.multiplyExact(row, width), into));
  }

  /// Whether another tensor has the same shape and the same numbers.
  boolean hasNumbersOf(WeightRows other) {
    if (!shape.equals(other.shape)) {
      return false;
    }
    float[] numbers = new float[width()];
    float[] others = new float[width()];
    for (long row = 0; row < rows(); row++) {
      reader.read(row, numbers);
      other.reader.read(row, others);
      if (!Arrays.equals(numbers, others)) {
        return false;
      }
    }
    return true;
  }

  /// A single row.
  static WeightRows of(String origin, float[] values) {
    return new WeightRows(
        List.of((long) values.length),
        origin,
        (_, into) -> System.arraycopy(values, 0, into, 0, values.length));
  }

  /// Matrices of one shape on top of each other, as the experts of a layer.
  static WeightRows stacked(List<WeightRows> parts) {
    WeightRows first = parts.getFirst();
    List<WeightRows> others =
        parts.stream().filter(part -> !part.shape.equals(first.shape)).toList();
    if (first.shape.size() != 2 || !others.isEmpty()) {
      throw new IllegalArgumentException(
          "matrices of different shapes can't be stacked: "
              + parts.stream()
                  .map(part -> part.origin + " " + part.shape)
                  .collect(Collectors.joining(", ")));
    }
    long rows = first.rows();
    return new WeightRows(
        List.of((long) first.width(), rows, (long) parts.size()),
        first.origin,
        (row, into) -> parts.get((int) (row / rows)).reader.read(row % rows, into));
  }

  int width() {
    return Math.toIntExact(shape.getFirst());
  }

  long rows() {
    return shape.stream().skip(1).reduce(1L, Math::multiplyExact);
  }

  long elements() {
    return Math.multiplyExact(rows(), shape.getFirst());
  }

  boolean isVector() {
    return shape.size() == 1;
  }

  /// The rows of each head in the order that llama.cpp's rotation wants: first half and second half
  /// interleaved (`LlamaModel.permute` in `conversion/llama.py`).
  WeightRows permuted(int heads) {
    long all = isVector() ? width() : rows();
    if (shape.size() > 2 || heads < 1 || all % (2L * heads) != 0) {
      throw new IllegalArgumentException(
          "%s %s isn't the projection of %s heads".formatted(origin, shape, heads));
    }
    long half = all / heads / 2;
    return isVector()
        ? columnsFrom(column -> (int) permutedFrom(column, half))
        : rowsFrom(all, row -> permutedFrom(row, half));
  }

  /// The row that stands at `row` afterwards.
  private static long permutedFrom(long row, long half) {
    long head = row / (2 * half);
    long within = row % (2 * half);
    return head * 2 * half + (within % 2) * half + within / 2;
  }

  /// A matrix of rows of this one.
  ///
  /// @param count its rows
  /// @param from gives the stored row of each of them
  WeightRows rowsFrom(long count, LongUnaryOperator from) {
    return new WeightRows(
        List.of(shape.getFirst(), count),
        origin,
        (row, into) -> reader.read(from.applyAsLong(row), into));
  }

  /// A matrix with rows of zeros at its end.
  ///
  /// @param count its rows with those; where the matrix has as many or more, it stays as it is
  WeightRows padded(long count) {
    long stored = rows();
    if (stored >= count) {
      return this;
    }
    return new WeightRows(
        List.of(shape.getFirst(), count),
        origin,
        (row, into) -> {
          if (row < stored) {
            reader.read(row, into);
          } else {
            Arrays.fill(into, 0);
          }
        });
  }

  /// The numbers of each row in another order.
  ///
  /// @param from gives the stored column of each column
  WeightRows columnsFrom(IntUnaryOperator from) {
    return new WeightRows(
        shape,
        origin,
        (row, into) -> {
          float[] stored = new float[into.length];
          reader.read(row, stored);
          for (int i = 0; i < into.length; i++) {
            into[i] = stored[from.applyAsInt(i)];
          }
        });
  }

  /// The same numbers in two other dimensions.
  WeightRows reshaped(long length, long count) {
    if (length * count != elements()) {
      throw new IllegalArgumentException(
          "'%s' has the shape %s, which doesn't fit %s times %s"
              .formatted(origin, shape, count, length));
    }
    int width = width();
    return new WeightRows(
        List.of(length, count),
        origin,
        (row, into) -> {
          float[] stored = new float[width];
          for (int i = 0; i < into.length; i++) {
            long place = row * into.length + i;
            int column = (int) (place % width);
            if (i == 0 || column == 0) {
              reader.read(place / width, stored);
            }
            into[i] = stored[column];
          }
        });
  }

  /// Without dimensions of length 1.
  WeightRows squeezed() {
    return new WeightRows(shape.stream().filter(extent -> extent != 1).toList(), origin, reader);
  }

  /// Every number more by `shift`.
  WeightRows plus(float shift) {
    return each(number -> number + shift);
  }

  /// Every number x as -eˣ.
  WeightRows negativeExponential() {
    return each(number -> (float) -Math.exp(number));
  }

  @FunctionalInterface
  private interface NumberChange {
    float of(float number);
  }

  private WeightRows each(NumberChange change) {
    return new WeightRows(
        shape,
        origin,
        (row, into) -> {
          reader.read(row, into);
          for (int i = 0; i < into.length; i++) {
            into[i] = change.of(into[i]);
          }
        });
  }

  /// Of each matrix of the last dimension (or of the only one) `count` rows from `from` on.
  WeightRows part(long from, long count) {
    long stored = shape.get(1);
    List<Long> part =
        shape.size() == 2
            ? List.of(shape.getFirst(), count)
            : List.of(shape.getFirst(), count, shape.get(2));
    return new WeightRows(
        part, origin, (row, into) -> reader.read(row / count * stored + from + row % count, into));
  }

  /// Every second number of each row, from `from` on.
  WeightRows everySecond(int from) {
    int width = width();
    List<Long> half =
        shape.size() == 1 ? List.of((long) width / 2) : List.of((long) width / 2, shape.get(1));
    return new WeightRows(
        half,
        origin,
        (row, into) -> {
          float[] stored = new float[width];
          reader.read(row, stored);
          for (int i = 0; i < into.length; i++) {
            into[i] = stored[2 * i + from];
          }
        });
  }

  /// Every second row, from `from` on, of a tensor of three dimensions.
  WeightRows everySecondRow(int from) {
    return new WeightRows(
        List.of(shape.get(0), shape.get(1) / 2, shape.get(2)),
        origin,
        (row, into) -> reader.read(2 * row + from, into));
  }

  /// Each matrix of a tensor of three dimensions turned over. One of them is in memory at a time.
  WeightRows transposed() {
    int width = width();
    int rows = Math.toIntExact(shape.get(1));
    float[][] matrix = new float[rows][];
    long[] loaded = {-1};
    return new WeightRows(
        List.of((long) rows, (long) width, shape.get(2)),
        origin,
        (row, into) -> {
          long wanted = row / width;
          if (loaded[0] != wanted) {
            for (int i = 0; i < rows; i++) {
              matrix[i] = matrix[i] == null ? new float[width] : matrix[i];
              reader.read(wanted * rows + i, matrix[i]);
            }
            loaded[0] = wanted;
          }
          int column = (int) (row % width);
          for (int i = 0; i < rows; i++) {
            into[i] = matrix[i][column];
          }
        });
  }
}
