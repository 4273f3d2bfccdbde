package io.lorikeet.finetune.evaluation;

import java.util.Arrays;
import java.util.SplittableRandom;

/// The mean difference of paired figures, and its 95 % interval: a paired bootstrap by percentiles.
/// The pairs are drawn anew many times, with replacement, and 95 % of the means lie in the interval
/// (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
///
/// @param mean of after - before
/// @param lower end of the interval
/// @param upper end of the interval
public record PairedDifference(double mean, double lower, double upper) {
  private static final int DRAWS = 10_000;
  private static final double LEFT_OUT = 0.025; // on each side

  /// @param before figures, at least one
  /// @param after as many, in the same order
  /// @param seed the same gives the same interval
  static PairedDifference of(double[] before, double[] after, long seed) {
    int count = before.length;
    double[] differences = new double[count];
    Arrays.setAll(differences, i -> after[i] - before[i]);
    SplittableRandom random = new SplittableRandom(seed);
    double[] means = new double[DRAWS];
    for (int draw = 0; draw < DRAWS; draw++) {
      double sum = 0;
      for (int i = 0; i < count; i++) {
        sum += differences[random.nextInt(count)];
      }
      means[draw] = sum / count;
    }
    Arrays.sort(means);
    return new PairedDifference(
        Arrays.stream(differences).sum() / count, at(means, LEFT_OUT), at(means, 1 - LEFT_OUT));
  }

  /// The figure below which a share of all others lies, interpolated between neighbours.
  private static double at(double[] sorted, double share) {
    double place = share * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }
}
