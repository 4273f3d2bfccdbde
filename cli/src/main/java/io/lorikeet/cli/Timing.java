package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;

/// How long something took each time it was repeated.
///
/// @param tokens tokens that each repetition computed
/// @param seconds one for each repetition, in their order
record Timing(int tokens, List<Double> seconds) {
  private static final int WARM_UPS = 12;
  private static final long WARM_UP_NANOSECONDS = 8_000_000_000L;

  Timing {
    if (seconds.isEmpty()) {
      throw new IllegalArgumentException("nothing was timed");
    }
    seconds = List.copyOf(seconds);
  }

  /// Runs something to warm up, then times it.
  static Timing of(int tokens, int repetitions, Runnable work) {
    warmUp(work);
    List<Double> seconds = new ArrayList<>();
    for (int i = 0; i < repetitions; i++) {
      long start = System.nanoTime();
      work.run();
      seconds.add((System.nanoTime() - start) / 1e9);
    }
    return new Timing(tokens, seconds);
  }

  /// Often enough for Java to have compiled what runs most, or else long enough.
  private static void warmUp(Runnable work) {
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UPS && System.nanoTime() - start < WARM_UP_NANOSECONDS; i++) {
      work.run();
    }
  }

  /// Tokens per second of the median repetition.
  double median() {
    List<Double> sorted = seconds.stream().sorted().toList();
    int middle = sorted.size() / 2;
    double median =
        sorted.size() % 2 == 1
            ? sorted.get(middle)
            : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    return tokens / median;
  }

  /// Tokens per second of the slowest repetition.
  double slowest() {
    return tokens / seconds.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
  }

  /// Tokens per second of the fastest repetition.
  double fastest() {
    return tokens / seconds.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
  }
}
