package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.DataSource;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// Chooses which examples of a corpus are trained on, and which are measured. An example and its
/// duplicates are never on both sides.
final class DataSplit {
  private final Corpus corpus;
  private final IntPredicate measurable;
  private final long seed;

  DataSplit(Corpus corpus, long seed) {
    this(corpus, _ -> true, seed);
  }

  /// @param measurable examples that may be measured
  DataSplit(Corpus corpus, IntPredicate measurable, long seed) {
    this.corpus = corpus;
    this.measurable = measurable;
    this.seed = seed;
  }

  /// The numbers of all examples for which something holds.
  int[] where(IntPredicate condition) {
    return IntStream.range(0, corpus.size()).filter(condition).toArray();
  }

  /// Whether an example is to be measured, where `wanted` examples are. Each example has a random
  /// number, duplicates the same one, and those with the least are measured: whatever order the
  /// files have, the seed and an example's text decide. Of those that may not be measured it holds
  /// for duplicates of the measured.
  ///
  /// @param wanted counted as examples of the data; pieces of one stay together
  /// @throws InvalidInputException if all examples would be measured
  IntPredicate measured(long wanted) {
    long[] numbers =
        IntStream.range(0, corpus.size())
            .filter(measurable)
            .filter(corpus::isFirst)
            .mapToLong(this::number)
            .sorted()
            .toArray();
    if (numbers.length < 2) {
      throw new InvalidInputException(
          "validation: a share needs at least two examples; the data has " + numbers.length);
    }
    if (wanted >= numbers.length) {
      throw new InvalidInputException(
          String.format(
              Locale.ROOT,
              "validation: %,d examples can't be taken out of %,d; none would be left to train on",
              wanted,
              numbers.length));
    }
    int count = Math.clamp(wanted, 1, numbers.length - 1);
    // Duplicates that stand at the border are trained on, unless there would be nothing to measure.
    long least = numbers[0];
    long border = numbers[count];
    long limit = border == least ? least + 1 : border;
    if (numbers[numbers.length - 1] < limit) {
      throw new InvalidInputException(
          "validation: all examples of the data are the same; none would be left to train on");
    }
    return index -> number(index) < limit;
  }

  private long number(int index) {
    return Shuffle.mix(corpus.near(index) ^ Shuffle.mix(seed)) >>> 1;
  }

  /// Whether an example is in another corpus, too.
  IntPredicate alsoIn(Corpus other) {
    long[] known = IntStream.range(0, other.size()).mapToLong(other::near).sorted().toArray();
    return index -> Arrays.binarySearch(known, corpus.near(index)) >= 0;
  }

  /// Examples as often as the weights of their sources say: a weight of 2.5 takes all of them twice
  /// and half of them once more, chosen by the seed. All pieces of one example stay together.
  int[] weighted(int[] chosen, List<DataSource> sources) {
    if (sources.stream().allMatch(source -> source.weight() == 1)) {
      return chosen;
    }
    IntStream.Builder all = IntStream.builder();
    for (int from = 0, to; from < chosen.length; from = to) {
      to = from + 1;
      while (to < chosen.length && !corpus.isFirst(chosen[to])) {
        to++;
      }
      long times = times(chosen[from], sources);
      for (long i = 0; i < times; i++) {
        Arrays.stream(chosen, from, to).forEach(all::add);
      }
    }
    return all.build().toArray();
  }

  private long times(int index, List<DataSource> sources) {
    double weight = sources.get(corpus.source(index)).weight();
    long times = (long) Math.floor(weight);
    // Independent of the number that chooses the measured examples.
    double place = (Shuffle.mix(number(index) + 1) >>> 11) * 0x1p-53;
    return times + (place < weight - times ? 1 : 0);
  }
}
