package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraPair;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// A weight with an update folded in, computed by rows. Several threads may compute different rows
/// at a time. The result depends on nothing but the base's bytes, the update and the rounding.
public final class MergedMatrix {
  /// Rows that are computed together: enough for loops over them to be fast, few enough to stay in
  /// a cache.
  private static final int BATCH_ROWS = 128;

  private final TensorType from;
  private final TensorType to;
  private final List<LowRank> updates;
  private final List<RowRounding> roundings;

  /// A pair that adapts the weight, and the factor of its product.
  public record Part(LoraPair pair, float factor) {}

  /// @param from the weight's type in the base
  /// @param to its type in the merged file
  /// @param parts the pairs that adapt it, at least one
  /// @param importance of each column, for experts one after the other's, or null where all count
  ///     alike
  /// @return W + Σ factor · B A
  public static MergedMatrix adapted(
      TensorType from, TensorType to, List<Part> parts, Rounding rounding, float[] importance) {
    List<LowRank> updates =
        IntStream.range(0, parts.getFirst().pair().experts())
            .mapToObj(expert -> LowRank.of(parts, expert))
            .toList();
    return new MergedMatrix(from, to, updates, rounding, importance);
  }

  /// The weight itself in another type.
  ///
  /// @param rows its ne1
  /// @param columns its ne0
  public static MergedMatrix converted(TensorType from, TensorType to, int rows, int columns) {
    return new MergedMatrix(from, to, List.of(LowRank.none(rows, columns)), Rounding.NEAREST, null);
  }

  private MergedMatrix(
      TensorType from,
      TensorType to,
      List<LowRank> updates,
      Rounding rounding,
      float[] importance) {
    this.from = from;
    this.to = to;
    this.updates = updates;
    roundings =
        IntStream.range(0, updates.size())
            .mapToObj(i -> rounding(rounding, ofExpert(importance, i)))
            .toList();
  }

  private float[] ofExpert(float[] importance, int expert) {
    return importance == null
        ? null
        : Arrays.copyOfRange(importance, expert * columns(), (expert + 1) * columns());
  }

  private RowRounding rounding(Rounding rounding, float[] importance) {
    Optional<CodeLayout> layout =
        rounding == Rounding.DITHERED && from == to ? CodeLayout.of(to) : Optional.empty();
    return layout.isPresent()
        ? new DitheredRounding(to, columns(), layout.get(), importance)
        : new NearestRounding(to, columns(), importance);
  }

  /// The weight's ne1, of all experts together.
  public int rows() {
    return Math.multiplyExact(rowsOfExpert(), updates.size());
  }

  private int rowsOfExpert() {
    return updates.getFirst().rows();
  }

  /// The weight's ne0.
  public int columns() {
    return updates.getFirst().columns();
  }

  /// Bytes of a merged row.
  public long rowBytes() {
    return to.rowBytes(columns());
  }

  /// Computes consecutive rows.
  ///
  /// @param firstRow index of the first in the weight
  /// @param base native memory with the base's bytes of exactly these rows
  /// @param out native memory for as many merged rows
  /// @param survival counts what became of the update; null where nobody asks
  public void merge(int firstRow, MemorySegment base, MemorySegment out, Survival survival) {
    long baseRow = from.rowBytes(columns());
    int rows = Math.toIntExact(base.byteSize() / baseRow);
    for (int done = 0; done < rows; ) {
      int row = firstRow + done;
      int leftOfExpert = rowsOfExpert() - row % rowsOfExpert();
      int count = Math.min(Math.min(BATCH_ROWS, rows - done), leftOfExpert);
      mergeBatch(
          row,
          count,
          base.asSlice(done * baseRow, count * baseRow),
          out.asSlice(done * rowBytes(), count * rowBytes()),
          survival);
      done += count;
    }
  }

  private void mergeBatch(
      int firstRow, int rows, MemorySegment base, MemorySegment out, Survival survival) {
    float[] weights = RowDequantizer.floats(from, base);
    float[] delta = delta(firstRow, rows);
    float[] target = new float[weights.length];
    for (int i = 0; i < target.length; i++) {
      target[i] = weights[i] + delta[i];
    }
    roundings.get(firstRow / rowsOfExpert()).round(firstRow % rowsOfExpert(), base, target, out);
    if (survival != null) {
      survival.add(weights, delta, RowDequantizer.floats(to, out));
    }
  }

  /// The update of consecutive rows, [columns, rows].
  private float[] delta(int firstRow, int rows) {
    float[] delta = new float[Math.multiplyExact(rows, columns())];
    float[] values = new float[columns()];
    for (int i = 0; i < rows; i++) {
      int row = firstRow + i;
      updates.get(row / rowsOfExpert()).row(row % rowsOfExpert(), values);
      System.arraycopy(values, 0, delta, i * columns(), columns());
    }
    return delta;
  }

  /// Counts what rows of a merged file have left of the update.
  ///
  /// @param firstRow index of the first in the weight
  /// @param base native memory with the base's bytes of these rows
  /// @param merged native memory with the merged file's
  public void measure(int firstRow, MemorySegment base, MemorySegment merged, Survival survival) {
    int rows = Math.toIntExact(merged.byteSize() / rowBytes());
    survival.add(
        RowDequantizer.floats(from, base),
        delta(firstRow, rows),
        RowDequantizer.floats(to, merged));
  }
}
