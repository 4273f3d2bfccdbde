package io.lorikeet.train.data;

import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Rows of examples, ready to be put into batches. It holds only the examples' numbers; a row's
/// tokens are fetched on request.
public final class DataSet {
  private final IntFunction<TokenizedExample> examples;
  private final Trees trees;
  private final Packer.RowPacking packing;
  private final int context;
  private final long tokens;
  private final long shared;
  private final long targets;
  private final boolean pairs;

  private DataSet(
      IntFunction<TokenizedExample> examples,
      Trees trees,
      Packer.RowPacking packing,
      int context,
      long apart,
      long targets,
      boolean pairs) {
    this.examples = examples;
    this.trees = trees;
    this.packing = packing;
    this.context = context;
    this.targets = targets;
    this.pairs = pairs;
    tokens = IntStream.of(trees.places()).asLongStream().sum();
    shared = apart - tokens;
  }

  /// How examples become rows.
  public enum Packing {
    /// Each has a row.
    NONE,
    /// Several share a row.
    ROWS,
    /// Those that are turns of one chat share the tokens that they begin with, too.
    ROWS_AND_BEGINNINGS;

    /// The packing of a run's data.
    static Packing of(DataSettings settings) {
      if (!settings.get(Settings.PACKING)) {
        return NONE;
      }
      boolean narrow = settings.window() > 0 && settings.window() < settings.get(Settings.CONTEXT);
      return narrow ? ROWS : ROWS_AND_BEGINNINGS;
    }
  }

  /// Puts examples into rows. Those of one line, one after the other, are turns of one chat, or the
  /// answers of a pair, which stay in one row. A query has a row with its passages, whatever the
  /// packing.
  public static DataSet of(List<TokenizedExample> examples, int context, Packing packing) {
    return of(
        examples.size(),
        i -> examples.get(i).places(),
        i -> examples.get(i).targets(),
        i ->
            examples.get(i).line() == examples.get(i - 1).line()
                && examples.get(i).source().equals(examples.get(i - 1).source()),
        examples::get,
        context,
        packing,
        i -> examples.get(i).judgement());
  }

  /// Some examples of a corpus, which must stay open.
  ///
  /// @param chosen their numbers, also several times the same
  static DataSet of(Corpus corpus, int[] chosen, int context, Packing packing) {
    return of(
        chosen.length,
        i -> corpus.places(chosen[i]),
        i -> corpus.targets(chosen[i]),
        i -> chosen[i] == chosen[i - 1] + 1 && !corpus.isFirst(chosen[i]),
        i -> corpus.get(chosen[i]),
        context,
        packing,
        i -> corpus.judgement(chosen[i]));
  }

  private static DataSet of(
      int count,
      IntUnaryOperator places,
      IntUnaryOperator targets,
      IntPredicate continues,
      IntFunction<TokenizedExample> examples,
      int context,
      Packing packing,
      IntFunction<Judgement> judgements) {
    if (count == 0) {
      throw new IllegalArgumentException("a data set without rows");
    }
    long allPlaces = 0;
    long allTargets = 0;
    for (int i = 0; i < count; i++) {
      if (places.applyAsInt(i) > context) {
        throw new IllegalArgumentException(
            "example %s takes %s places, a row has %s".formatted(i, places.applyAsInt(i), context));
      }
      allPlaces += places.applyAsInt(i);
      allTargets += targets.applyAsInt(i);
    }
    if (IntStream.range(0, count).mapToObj(judgements).allMatch(Judgement::isOfSearch)) {
      Trees lines = Trees.lines(count, places, continues);
      Packer.RowPacking single = Packer.single(lines.count());
      return new DataSet(examples, lines, single, context, allPlaces, allTargets, false);
    }
    boolean pairs = IntStream.range(0, count).mapToObj(judgements).allMatch(Judgement::isOfPair);
    Trees apart = pairs ? Trees.pairs(count, places) : Trees.single(count, places);
    Trees trees =
        packing == Packing.ROWS_AND_BEGINNINGS
            ? Trees.sharing(count, places, continues, examples, context)
            : apart;
    Packer.RowPacking rows =
        packing == Packing.NONE
            ? Packer.single(trees.count())
            : Packer.pack(trees.count(), tree -> trees.places()[tree], context);
    return new DataSet(examples, trees, rows, context, allPlaces, allTargets, pairs);
  }

  /// The rows; each is made when it is asked for.
  public List<PackedRow> rows() {
    return new Rows();
  }

  private final class Rows extends AbstractList<PackedRow> implements RandomAccess {
    @Override
    public PackedRow get(int row) {
      int from = row == 0 ? 0 : packing.ends()[row - 1];
      int[] inRow = Arrays.copyOfRange(packing.order(), from, packing.ends()[row]);
      return new PackedRow(
          Arrays.stream(inRow).mapToObj(tree -> trees.get(tree, examples)).toList(),
          Arrays.stream(inRow).flatMap(trees::numbers).boxed().toList());
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
    return trees.members().length;
  }

  /// An example.
  ///
  /// @param number from 0; see [PackedRow#numbers]
  public TokenizedExample example(int number) {
    return examples.apply(number);
  }

  /// Whether every query has a negative of its own.
  public boolean hasNegatives() {
    return rows().stream()
        .allMatch(
            row -> row.examples().stream().anyMatch(one -> one.judgement() == Judgement.NEGATIVE));
  }

  /// Tokens that the model is given, padding excluded.
  public long tokens() {
    return tokens;
  }

  /// Tokens that the model would be given besides, if examples of one chat didn't share those they
  /// begin with.
  public long sharedTokens() {
    return shared;
  }

  /// Tokens with loss.
  public long targets() {
    return targets;
  }

  /// Places that a row's trees take.
  int usedPlaces(int row) {
    int used = 0;
    for (int i = row == 0 ? 0 : packing.ends()[row - 1]; i < packing.ends()[row]; i++) {
      used += trees.places()[packing.order()[i]];
    }
    return used;
  }

  /// Lengths that rows are computed in besides the context, where they are much shorter.
  public Set<Integer> shorterLengths() {
    return rowLengths().filter(length -> length < context).boxed().collect(Collectors.toSet());
  }

  private IntStream rowLengths() {
    return IntStream.range(0, packing.ends().length)
        .map(row -> RowLengths.of(usedPlaces(row), context));
  }

  /// Share of the rows' places that is padding.
  public double paddingShare() {
    return 1 - (double) tokens / rowLengths().asLongStream().sum();
  }

  /// Lays out rows for the model, all as long as the longest of them needs.
  MicroBatch batch(List<PackedRow> rows, int batchSize) {
    int longest = rows.stream().mapToInt(PackedRow::usedPlaces).max().orElseThrow();
    return MicroBatch.of(rows, batchSize, RowLengths.of(longest, context));
  }

  /// The same rows, all as long as the context.
  public List<MicroBatch> longBatches(int batchSize) {
    List<PackedRow> rows = rows();
    return IntStream.range(0, Math.ceilDiv(rows.size(), batchSize))
        .mapToObj(i -> rows.subList(i * batchSize, Math.min(rows.size(), (i + 1) * batchSize)))
        .map(some -> MicroBatch.of(List.copyOf(some), batchSize, context))
        .toList();
  }

  /// All rows in their order, in batches. Each is laid out when it is asked for.
  public List<MicroBatch> batches(int batchSize) {
    List<PackedRow> rows = rows();
    return new AbstractList<>() {
      @Override
      public MicroBatch get(int index) {
        int from = Math.multiplyExact(Objects.checkIndex(index, size()), batchSize);
        int to = (int) Math.min(rows.size(), (long) from + batchSize);
        return batch(List.copyOf(rows.subList(from, to)), batchSize);
      }

      @Override
      public int size() {
        return Math.ceilDiv(rows.size(), batchSize);
      }
    };
  }

  private String sharing() {
    return String.format(
        Locale.ROOT,
        " %,d (%.0f %%) less to compute, since %s;",
        sharedTokens(),
        100.0 * sharedTokens() / (tokens() + sharedTokens()),
        pairs ? "answers of a pair share its prompt" : "turns of a chat share its beginning");
  }

  /// Whether its examples are queries and passages, each line of them in a row.
  private boolean isOfTexts() {
    return !pairs && !trees.shares();
  }

  /// The figures for people.
  public String summary() {
    if (isOfTexts()) {
      return String.format(
          Locale.ROOT,
          "%,d queries, %,d texts to find, %,d tokens; each query in a row of %s%,d with its texts,"
              + " %.1f %% padding",
          rows().size(),
          examples() - rows().size(),
          tokens(),
          shorterLengths().isEmpty() ? "" : "up to ",
          context,
          100 * paddingShare());
    }
    return String.format(
        Locale.ROOT,
        "%,d examples, %,d tokens, %,d of them with loss;%s in %,d rows of %s%,d, %.1f %% padding",
        examples(),
        tokens() + sharedTokens(),
        targets(),
        sharedTokens() == 0 ? "" : sharing(),
        rows().size(),
        shorterLengths().isEmpty() ? "" : "up to ",
        context,
        100 * paddingShare());
  }
}
