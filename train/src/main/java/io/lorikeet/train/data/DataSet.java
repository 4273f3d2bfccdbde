package io.lorikeet.train.data;

import java.util.AbstractList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;

/// Rows of examples, ready to be put into batches. What it holds of them are numbers; a row's
/// tokens are fetched when it is asked for.
public final class DataSet {
  private final IntFunction<TokenizedExample> examples;
  private final Packer.Packing packing;
  private final int context;
  private final long tokens;
  private final long targets;

  private DataSet(
      IntFunction<TokenizedExample> examples,
      Packer.Packing packing,
      int context,
      long tokens,
      long targets) {
    this.examples = examples;
    this.packing = packing;
    this.context = context;
    this.tokens = tokens;
    this.targets = targets;
  }

  /// Puts examples into rows, several into each or one.
  public static DataSet of(List<TokenizedExample> examples, int context, boolean packing) {
    return of(
        examples.size(),
        i -> examples.get(i).places(),
        i -> examples.get(i).targets(),
        examples::get,
        context,
        packing);
  }

  /// Some examples of a corpus, which must stay open.
  ///
  /// @param chosen their numbers, also several times the same
  static DataSet of(Corpus corpus, int[] chosen, int context, boolean packing) {
    return of(
        chosen.length,
        i -> corpus.places(chosen[i]),
        i -> corpus.targets(chosen[i]),
        i -> corpus.get(chosen[i]),
        context,
        packing);
  }

  private static DataSet of(
      int count,
      IntUnaryOperator places,
      IntUnaryOperator targets,
      IntFunction<TokenizedExample> examples,
      int context,
      boolean packing) {
    if (count == 0) {
      throw new IllegalArgumentException("a data set without rows");
    }
    long allPlaces = 0;
    long allTargets = 0;
    for (int i = 0; i < count; i++) {
      if (places.applyAsInt(i) > context) {
        throw new IllegalArgumentException(
            "example %d takes %d places, a row has %d".formatted(i, places.applyAsInt(i), context));
      }
      allPlaces += places.applyAsInt(i);
      allTargets += targets.applyAsInt(i);
    }
    Packer.Packing rows = packing ? Packer.pack(count, places, context) : Packer.single(count);
    return new DataSet(examples, rows, context, allPlaces, allTargets);
  }

  /// The rows; each is made when it is asked for.
  public List<PackedRow> rows() {
    return new Rows();
  }

  private final class Rows extends AbstractList<PackedRow> implements RandomAccess {
    @Override
    public PackedRow get(int row) {
      int from = row == 0 ? 0 : packing.ends()[row - 1];
      TokenizedExample[] inRow = new TokenizedExample[packing.ends()[row] - from];
      for (int i = 0; i < inRow.length; i++) {
        inRow[i] = examples.apply(packing.order()[from + i]);
      }
      return new PackedRow(List.of(inRow));
    }

    @Override
    public int size() {
      return packing.ends().length;
    }
  }

  /// Places of a row.
  public int context() {
    return context;
  }

  public int examples() {
    return packing.order().length;
  }

  /// Tokens that the model is given, padding excluded.
  public long tokens() {
    return tokens;
  }

  /// Tokens with loss.
  public long targets() {
    return targets;
  }

  /// Share of the rows' places that is padding.
  public double paddingShare() {
    return 1 - (double) tokens / ((long) packing.ends().length * context);
  }

  /// All rows in their order, in batches. Each is laid out when it is asked for.
  public List<MicroBatch> batches(int batchSize) {
    List<PackedRow> rows = rows();
    return new AbstractList<>() {
      @Override
      public MicroBatch get(int index) {
        int from = Math.multiplyExact(Objects.checkIndex(index, size()), batchSize);
        int to = (int) Math.min(rows.size(), (long) from + batchSize);
        return MicroBatch.of(List.copyOf(rows.subList(from, to)), batchSize, context);
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
        rows().size(),
        context,
        100 * paddingShare());
  }
}
