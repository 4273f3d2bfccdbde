package io.lorikeet.quant;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/// Finds the name that somebody probably meant.
public final class NearestName {
  /// Letters that an abbreviation has at least.
  private static final int SHORTEST_ABBREVIATION = 3;

  private NearestName() {}

  /// The known name nearest to the given one by edit distance (insertions, deletions, replacements
  /// and swapped neighbours count one each). The distance may be a third of the longer name at
  /// most, as of a likely slip. Else the longest known name whose words are all in the given one
  /// (`rank` for `lora_rank`), else the shortest that begins with it. Case, `-` and `_` don't
  /// count.
  public static Optional<String> of(String given, Collection<String> known) {
    return bySlip(plain(given), known)
        .or(() -> byWords(words(given), known))
        .or(() -> byAbbreviation(plain(given), known));
  }

  private static Optional<String> bySlip(String wanted, Collection<String> known) {
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String name : known) {
      String candidate = plain(name);
      int distance = distance(wanted, candidate);
      boolean near = distance * 3 <= Math.max(wanted.length(), candidate.length());
      if (near && distance < bestDistance) {
        best = name;
        bestDistance = distance;
      }
    }
    return Optional.ofNullable(best);
  }

  private static Optional<String> byWords(List<String> given, Collection<String> known) {
    Predicate<List<String>> within =
        words -> !words.isEmpty() && Collections.indexOfSubList(given, words) >= 0;
    return known.stream()
        .filter(name -> within.test(words(name)))
        .max(Comparator.comparingInt(String::length));
  }

  private static Optional<String> byAbbreviation(String wanted, Collection<String> known) {
    return known.stream()
        .filter(_ -> wanted.length() >= SHORTEST_ABBREVIATION)
        .filter(name -> plain(name).startsWith(wanted))
        .min(Comparator.comparingInt(String::length));
  }

  /// `; did you mean 'x'?`, or nothing where no known name is near.
  public static String hint(String given, Collection<String> known) {
    return of(given, known).map(name -> "; did you mean '" + name + "'?").orElse("");
  }

  /// @throws IllegalArgumentException when a key isn't one of the known ones, with the nearest
  public static void requireKnown(Iterator<String> keys, Collection<String> known) {
    keys.forEachRemaining(
        key -> {
          if (!known.contains(key)) {
            throw new IllegalArgumentException("unknown key '" + key + "'" + hint(key, known));
          }
        });
  }

  /// A name without its case, `-` and `_`, in which names are compared.
  public static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replace("-", "").replace("_", "");
  }

  private static List<String> words(String name) {
    return Arrays.stream(name.split("[-_]|(?<=[a-z])(?=[A-Z])"))
        .filter(word -> !word.isEmpty())
        .map(word -> word.toLowerCase(Locale.ROOT))
        .toList();
  }

  /// Optimal string alignment distance.
  static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        boolean same = a.charAt(i - 1) == b.charAt(j - 1);
        int least = Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1);
        least = Math.min(least, cost[i - 1][j - 1] + (same ? 0 : 1));
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          least = Math.min(least, cost[i - 2][j - 2] + 1);
        }
        cost[i][j] = least;
      }
    }
    return cost[a.length()][b.length()];
  }
}
