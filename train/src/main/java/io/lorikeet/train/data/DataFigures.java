package io.lorikeet.train.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// What there is to say of examples before hours are spent on them.
///
/// @param examples examples of the data, however many pieces they became
/// @param tokens tokens that a run is given
/// @param trained of these, those with loss
/// @param lengths tokens of whole examples, before they were cut or divided: the least, 50, 90, 95
///     and 99 of 100, and the most
/// @param longer examples longer than the context
/// @param lost tokens that were cut off; 0 where none were, or where pieces share some
/// @param endless examples that weren't cut, and in which no token is learned that ends a text
/// @param firstEndless where the first of them stands; empty where there is none
/// @param repeated word for word repetitions of earlier examples
/// @param nearlyRepeated repetitions but for capitals, spaces and punctuation
/// @param firstRepeated the first repetition, with what it repeats; empty if there is none
public record DataFigures(
    int examples,
    long tokens,
    long trained,
    int[] lengths,
    int longer,
    long lost,
    int endless,
    String firstEndless,
    int repeated,
    int nearlyRepeated,
    String firstRepeated) {
  /// Shares of the examples that [#lengths] are the lengths of.
  public static final List<Double> SHARES = List.of(0.0, 0.5, 0.9, 0.95, 0.99, 1.0);

  static DataFigures of(Corpus corpus, int[] chosen, int context, TextEncoding encoding) {
    int[] whole = IntStream.of(chosen).filter(corpus::isFirst).toArray();
    int[] lengths = IntStream.of(whole).map(corpus::wholeLength).sorted().toArray();
    Duplicates duplicates = Duplicates.in(corpus, chosen);
    long tokens = IntStream.of(chosen).mapToLong(index -> corpus.places(index) + 1).sum();
    int[] endless =
        IntStream.of(whole).filter(index -> isEndless(corpus, index, encoding)).toArray();
    return new DataFigures(
        whole.length,
        tokens,
        IntStream.of(chosen).mapToLong(corpus::targets).sum(),
        SHARES.stream()
            .mapToInt(share -> lengths[(int) Math.round(share * (lengths.length - 1))])
            .toArray(),
        (int) Arrays.stream(lengths).filter(length -> length > context + 1).count(),
        Math.max(0, IntStream.of(lengths).asLongStream().sum() - tokens),
        endless.length,
        endless.length == 0 ? "" : corpus.place(endless[0]).toString(),
        duplicates.exact(),
        duplicates.near(),
        duplicates.first());
  }

  private static boolean isEndless(Corpus corpus, int index, TextEncoding encoding) {
    TokenizedExample example = corpus.get(index);
    if (example.tokens().length < corpus.wholeLength(index)) {
      return false;
    }
    for (int i = 0; i < example.tokens().length; i++) {
      if (example.trained()[i] && encoding.ends().test(example.tokens()[i])) {
        return false;
      }
    }
    return true;
  }
}
