package io.lorikeet.models.merge;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraPair;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A weight with an update folded in, computed by rows. Several threads may compute different rows
/// at a time. The result depends on nothing but the base's bytes, the update and the rounding.
public final class MergedMatrix {
  private final TensorType from;
  private final TensorType to;
  private final List<LowRank> updates;
  private final List<RowRounding> roundings;

  /// A pair that adapts the weight, and the factor of its product.
  public record ScaledPair(LoraPair pair, float factor) {}

  /// @param from the weight's type in the base
  /// @param to its type in the merged file
  /// @param parts the pairs that adapt it, at least one
  /// @param importance of each column, for experts one after the other's, or null where all count
  ///     alike
  /// @return W + Σ factor · B A
  public static MergedMatrix adapted(
      TensorType from,
      TensorType to,
      List<ScaledPair> parts,
      Rounding rounding,
      float @Nullable [] importance) {
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
      float @Nullable [] importance) {
    this.from = from;
    this.to = to;
    this.updates = updates;
    roundings =
        IntStream.range(0, updates.size())
            .mapToObj(i -> rounding(rounding, ofExpert(importance, i)))
            .toList();
  }

  private float @Nullable [] ofExpert(float @Nullable [] importance, int expert) {
    return importance == null
        ? null
        : Arrays.copyOfRange(importance, expert * columns(), (expert + 1) * columns());
  }

  private RowRounding rounding(Rounding rounding, float @Nullable [] importance) {
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
  public void merge(
      int firstRow, MemorySegment base, MemorySegment out, @Nullable Survival survival) {
    int batchRows = roundings.getFirst().batchRows();
    inBatches(
        firstRow,
        out,
        batchRows,
        (row, done, batch) -> {
          MemorySegment before = rows(base, from, done, batch.rows());
          MemorySegment after = rows(out, to, done, batch.rows());
          dequantize(from, before, batch.floats(), batch.weights());
          addUpdate(row, batch);
          roundings
              .get(row / rowsOfExpert())
              .round(row % rowsOfExpert(), before, batch.target(), after);
          if (survival != null) {
            dequantize(to, after, batch.floats(), batch.merged());
            survival.add(batch.weights(), batch.delta(), batch.merged());
          }
        });
  }

  /// Counts what rows of a merged file have left of the update.
  ///
  /// @param firstRow index of the first in the weight
  /// @param base native memory with the base's bytes of these rows
  /// @param merged native memory with the merged file's
  public void measure(int firstRow, MemorySegment base, MemorySegment merged, Survival survival) {
    inBatches(
        firstRow,
        merged,
        RowRounding.fewRows(columns()),
        (row, done, batch) -> {
          dequantize(from, rows(base, from, done, batch.rows()), batch.floats(), batch.weights());
          addUpdate(row, batch);
          dequantize(to, rows(merged, to, done, batch.rows()), batch.floats(), batch.merged());
          survival.add(batch.weights(), batch.delta(), batch.merged());
        });
  }

  /// Memory for rows that are computed together, used again for the next ones.
  ///
  /// @param floats native memory of F32 values, `[columns, rows]`
  /// @param weights the base's, `[columns, rows]` like all others
  /// @param target weights with the update
  /// @param merged the rounded weights
  private record Batch(
      int rows,
      MemorySegment floats,
      float[] weights,
      float[] delta,
      float[] target,
      float[] merged) {

    Batch(int rows, int columns, Arena arena) {
      int count = Math.multiplyExact(rows, columns);
      this(
          rows,
          arena.allocate((long) count * Float.BYTES, 64),
          new float[count],
          new float[count],
          new float[count],
          new float[count]);
    }
  }

  @FunctionalInterface
  private interface Work {
    /// @param row index of the first row in the weight
    /// @param done rows before it
    void run(int row, int done, Batch batch);
  }

  /// Batches never reach from one expert into the next.
  private void inBatches(int firstRow, MemorySegment merged, int batchRows, Work work) {
    int rows = Math.toIntExact(merged.byteSize() / rowBytes());
    try (Arena arena = Arena.ofConfined()) {
      Batch batch = null;
      for (int done = 0; done < rows; done += batch.rows()) {
        int row = firstRow + done;
        int leftOfExpert = rowsOfExpert() - row % rowsOfExpert();
        int count = Math.min(Math.min(batchRows, rows - done), leftOfExpert);
        if (batch == null || batch.rows() != count) {
          batch = new Batch(count, columns(), arena);
        }
        work.run(row, done, batch);
      }
    }
  }

  private MemorySegment rows(MemorySegment bytes, TensorType type, int first, int count) {
    long rowBytes = type.rowBytes(columns());
    return bytes.asSlice(first * rowBytes, count * rowBytes);
  }

  private static void dequantize(
      TensorType type, MemorySegment bytes, MemorySegment floats, float[] to) {
    RowDequantizer.dequantize(type, bytes, floats);
    MemorySegment.copy(floats, ValueLayout.JAVA_FLOAT, 0, to, 0, to.length);
  }

  private void addUpdate(int firstRow, Batch batch) {
    updates.get(firstRow / rowsOfExpert()).rows(firstRow % rowsOfExpert(), batch.delta());
    float[] weights = batch.weights();
    float[] delta = batch.delta();
    float[] target = batch.target();
    for (int i = 0; i < target.length; i++) {
      target[i] = weights[i] + delta[i];
    }
  }
}
