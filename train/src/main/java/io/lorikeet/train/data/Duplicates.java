package io.lorikeet.train.data;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;

/// Examples that are in the data more than once.
///
/// @param examples examples in all
/// @param exact examples that are a word for word repetition of an earlier one
/// @param near examples that repeat an earlier one but for capitals, spaces and punctuation; the
///     exact ones not counted
/// @param first the first repetition, with what it repeats; empty if there is none
record Duplicates(int examples, int exact, int near, String first) {

  /// Finds them among chosen examples of a corpus.
  static Duplicates in(Corpus corpus, int[] chosen) {
    int[] whole = IntStream.of(chosen).filter(corpus::isFirst).toArray();
    int exact = repetitions(whole, corpus::exact);
    int near = repetitions(whole, corpus::near);
    return new Duplicates(whole.length, exact, near - exact, near == 0 ? "" : first(corpus, whole));
  }

  private static int repetitions(int[] whole, IntToLongFunction key) {
    long[] keys = IntStream.of(whole).mapToLong(key).sorted().toArray();
    int repeated = 0;
    for (int i = 1; i < keys.length; i++) {
      repeated += keys[i] == keys[i - 1] ? 1 : 0;
    }
    return repeated;
  }

  private static String first(Corpus corpus, int[] whole) {
    long[] keys = IntStream.of(whole).mapToLong(corpus::near).sorted().toArray();
    Map<Long, Integer> seen = new HashMap<>(); // of what is repeated only
    for (int index : whole) {
      long key = corpus.near(index);
      int at = Arrays.binarySearch(keys, key);
      boolean repeated =
          at > 0 && keys[at - 1] == key || at + 1 < keys.length && keys[at + 1] == key;
      if (repeated) {
        Integer earlier = seen.putIfAbsent(key, index);
        if (earlier != null) {
          return corpus.place(index) + " repeats " + corpus.place(earlier);
        }
      }
    }
    throw new IllegalStateException("something is repeated");
  }

  /// Whether all examples are the same.
  boolean allTheSame() {
    return examples > 1 && exact + near == examples - 1;
  }

  /// For people.
  String inWords() {
    return String.format(
        Locale.ROOT,
        "%,d of %,d examples repeat an earlier one word for word, %,d more but for capitals,"
            + " spaces and punctuation; first: %s",
        exact,
        examples,
        near,
        first);
  }
}
