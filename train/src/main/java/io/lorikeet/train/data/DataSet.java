package io.lorikeet.train.data;

import java.util.AbstractList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/// Rows of examples, ready to be put into batches.
///
/// @param rows at least one
/// @param context places of a row
public record DataSet(List<PackedRow> rows, int context) {
  public DataSet {
    rows = List.copyOf(rows);
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("a data set without rows");
    }
  }

  /// Puts examples into rows, several into each or one.
  public static DataSet of(List<TokenizedExample> examples, int context, boolean packing) {
    return new DataSet(
        packing ? Packer.pack(examples, context) : Packer.single(examples, context), context);
  }

  public int examples() {
    return rows.stream().mapToInt(row -> row.examples().size()).sum();
  }

  /// Tokens that the model is given, padding excluded.
  public long tokens() {
    return rows.stream().mapToLong(PackedRow::usedPlaces).sum();
  }

  /// Tokens with loss.
  public long targets() {
    return rows.stream().mapToLong(PackedRow::targets).sum();
  }

  /// Share of the rows' places that is padding.
  public double paddingShare() {
    return 1 - (double) tokens() / ((long) rows.size() * context);
  }

  /// All rows in their order, in batches. Each is laid out when it is asked for.
  public List<MicroBatch> batches(int batchSize) {
    return new AbstractList<>() {
      @Override
      public MicroBatch get(int index) {
        int from = Math.multiplyExact(Objects.checkIndex(index, size()), batchSize);
        int to = (int) Math.min(rows.size(), (long) from + batchSize);
        return MicroBatch.of(rows.subList(from, to), batchSize, context);
      }

      @Override
      public int size() {
        return Math.ceilDiv(rows.size(), batchSize);
      }
    };
  }

  /// The figures for people.
  public String summary() {
    return String.format(
        Locale.ROOT,
        "%,d examples, %,d tokens, %,d of them with loss; in %,d rows of %,d, %.1f %% padding",
        examples(),
        tokens(),
        targets(),
        rows.size(),
        context,
        100 * paddingShare());
  }
}
