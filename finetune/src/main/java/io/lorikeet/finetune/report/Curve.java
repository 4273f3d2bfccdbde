package io.lorikeet.finetune.report;

import java.util.ArrayList;
import java.util.List;

/// A curve over a run's steps, in so few buckets that a page can show it however long the run is.
/// Each bucket keeps its least and its greatest value, so that no spike is lost.
///
/// @param name in the legend
/// @param buckets in the order of steps
record Curve(String name, List<Bucket> buckets) {
  /// Buckets of a curve, about one for each pixel that a phone has across.
  private static final int MOST_BUCKETS = 300;

  /// @param step the last step in it
  /// @param mean of its finite values; NaN where it has none
  record Bucket(double step, double least, double mean, double greatest) {}

  /// @param steps ascending
  /// @param values of these steps; those that aren't finite are left out
  static Curve of(String name, double[] steps, double[] values) {
    int count = Math.min(MOST_BUCKETS, steps.length);
    List<Bucket> buckets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int from = (int) ((long) i * steps.length / count);
      int to = (int) ((i + 1L) * steps.length / count);
      buckets.add(bucket(steps[to - 1], values, from, to));
    }
    return new Curve(name, buckets);
  }

  private static Bucket bucket(double step, double[] values, int from, int to) {
    double least = Double.POSITIVE_INFINITY;
    double greatest = Double.NEGATIVE_INFINITY;
    double sum = 0;
    int finite = 0;
    for (int i = from; i < to; i++) {
      if (Double.isFinite(values[i])) {
        least = Math.min(least, values[i]);
        greatest = Math.max(greatest, values[i]);
        sum += values[i];
        finite++;
      }
    }
    return finite == 0
        ? new Bucket(step, Double.NaN, Double.NaN, Double.NaN)
        : new Bucket(step, least, sum / finite, greatest);
  }

  /// The values as [RunningLoss] smooths them one after the other.
  static double[] smoothed(double[] values) {
    RunningLoss running = new RunningLoss(values.length);
    double[] smooth = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      running.add(values[i]);
      smooth[i] = running.smoothed();
    }
    return smooth;
  }

  /// This curve with values on a logarithmic axis; those that aren't above 0 are left out.
  Curve logarithms() {
    return new Curve(
        name,
        buckets.stream()
            .map(b -> new Bucket(b.step(), log(b.least()), log(b.mean()), log(b.greatest())))
            .toList());
  }

  private static double log(double value) {
    return value > 0 ? Math.log10(value) : Double.NaN;
  }
}
