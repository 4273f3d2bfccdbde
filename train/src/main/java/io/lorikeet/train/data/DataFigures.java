package io.lorikeet.train.data;

import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Figures about examples, to be looked at before training.
///
/// @param examples examples of the data, however many pieces they became
/// @param tokens tokens that a run is given
/// @param trained of these, those with loss
/// @param lengths tokens of whole examples, before they were cut or divided: the least, 50, 90, 95
///     and 99 of 100, and the most. For chats that are trained on turn by turn: of the longest turn
///     with its prompt. For queries: with their passages and negatives
/// @param longer examples longer than the context
/// @param lost tokens that were cut off, also from each of such turns; 0 where examples are divided
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

  static DataFigures of(Corpus corpus, int[] chosen, DataSettings settings, TextEncoding encoding) {
    int[] starts =
        IntStream.range(0, chosen.length).filter(i -> corpus.isFirst(chosen[i])).toArray();
    int[][] examples = new int[starts.length][];
    for (int i = 0; i < starts.length; i++) {
      int end = i + 1 < starts.length ? starts[i + 1] : chosen.length;
      examples[i] = Arrays.copyOfRange(chosen, starts[i], end);
    }
    int[] lengths =
        Arrays.stream(examples).mapToInt(parts -> length(corpus, parts)).sorted().toArray();
    Duplicates duplicates = Duplicates.in(corpus, chosen);
    long tokens = IntStream.of(chosen).mapToLong(index -> corpus.places(index) + 1).sum();
    int[] endless =
        Arrays.stream(examples)
            .filter(parts -> IntStream.of(parts).allMatch(i -> isEndless(corpus, i, encoding)))
            .mapToInt(parts -> parts[0])
            .toArray();
    long lost = IntStream.of(chosen).mapToLong(index -> cutOff(corpus, index)).sum();
    return new DataFigures(
        examples.length,
        tokens,
        IntStream.of(chosen).mapToLong(corpus::targets).sum(),
        SHARES.stream()
            .mapToInt(share -> lengths[(int) Math.round(share * (lengths.length - 1))])
            .toArray(),
        (int)
            Arrays.stream(lengths)
                .filter(length -> length > settings.get(Settings.CONTEXT) + 1)
                .count(),
        settings.get(Settings.TOO_LONG) == TooLong.SPLIT ? 0 : lost,
        endless.length,
        endless.length == 0 ? "" : corpus.place(endless[0]).toString(),
        duplicates.exact(),
        duplicates.near(),
        duplicates.first());
  }

  private static int length(Corpus corpus, int[] parts) {
    return corpus.judgement(parts[0]).isOfSearch()
        ? IntStream.of(parts).map(index -> corpus.wholeLength(index) - 1).sum() + 1
        : IntStream.of(parts).map(corpus::wholeLength).max().orElseThrow();
  }

  private static int cutOff(Corpus corpus, int index) {
    return corpus.wholeLength(index) - (corpus.places(index) + 1);
  }

  private static boolean isEndless(Corpus corpus, int index, TextEncoding encoding) {
    TokenizedExample example = corpus.get(index);
    if (cutOff(corpus, index) > 0) {
      return false;
    }
    for (int i = 0; i < example.tokens().length; i++) {
      if (example.trains(i) && encoding.ends().test(example.tokens()[i])) {
        return false;
      }
    }
    return true;
  }
}
