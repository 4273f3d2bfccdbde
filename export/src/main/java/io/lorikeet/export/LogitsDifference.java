package io.lorikeet.export;

/// How far logits are from reference logits, over many positions. A constant added to all logits of
/// a position changes no probability, so differences are taken after subtracting their mean over
/// the vocabulary.
///
/// @param positions positions compared
/// @param maximum the largest absolute difference of a logit
/// @param mean the mean absolute difference of a logit
/// @param divergence mean Kullback-Leibler divergence of the distributions from the reference's, in
///     nats
/// @param agreement share of positions at which both rank the same token first
public record LogitsDifference(
    long positions, double maximum, double mean, double divergence, double agreement) {

  /// Whether not one logit differs.
  public boolean isNone() {
    return maximum == 0;
  }

  /// This difference as a share of another one, by the mean difference or by the divergence,
  /// whichever gives more. The divergence grows with the square of small differences, so its root
  /// is compared. The mean weighs the vocabulary's tokens alike, the divergence by their
  /// probability: a defect may show in only one of them.
  ///
  /// @return NaN when any logit wasn't a number
  public double shareOf(LogitsDifference whole) {
    return Math.max(ratio(mean, whole.mean), Math.sqrt(ratio(divergence, whole.divergence)));
  }

  private static double ratio(double part, double whole) {
    return part == 0 ? 0 : part / whole;
  }

  /// Sums up positions.
  static final class Accumulator {
    private long positions;
    private double maximum;
    private double sumOfMeans;
    private double sumOfDivergences;
    private long agreements;

    /// Adds a position.
    void add(float[] reference, float[] logits) {
      double shift = 0;
      int best = 0;
      int referenceBest = 0;
      for (int i = 0; i < reference.length; i++) {
        shift += (double) logits[i] - reference[i];
        best = logits[i] > logits[best] ? i : best;
        referenceBest = reference[i] > reference[referenceBest] ? i : referenceBest;
      }
      shift /= reference.length;
      double sum = 0;
      for (int i = 0; i < reference.length; i++) {
        double difference = Math.abs((double) logits[i] - reference[i] - shift);
        sum += difference;
        maximum = Math.max(maximum, difference); // NaN stays NaN
      }
      positions++;
      sumOfMeans += sum / reference.length;
      sumOfDivergences += divergence(reference, logits, reference[referenceBest]);
      agreements += best == referenceBest ? 1 : 0;
    }

    /// KL(p ‖ q) of the softmax p of the reference and q of the logits. With d the difference of
    /// the logits, less its mean under p, it is log Σ p exp(d), which doesn't lose small
    /// divergences to rounding as the usual form does.
    private static double divergence(float[] reference, float[] logits, double largest) {
      double total = 0;
      double mean = 0;
      for (int i = 0; i < reference.length; i++) {
        double weight = Math.exp(reference[i] - largest);
        total += weight;
        mean += weight * ((double) logits[i] - reference[i]);
      }
      mean /= total;
      double excess = 0;
      for (int i = 0; i < reference.length; i++) {
        double difference = (double) logits[i] - reference[i] - mean;
        excess += Math.exp(reference[i] - largest) * expLessLine(difference);
      }
      return Math.log1p(excess / total);
    }

    /// exp(x) - 1 - x.
    private static double expLessLine(double x) {
      return Math.abs(x) < 1e-3 ? x * x * (0.5 + x * (1.0 / 6 + x / 24)) : Math.exp(x) - 1 - x;
    }

    LogitsDifference result() {
      return new LogitsDifference(
          positions,
          maximum,
          sumOfMeans / positions,
          sumOfDivergences / positions,
          (double) agreements / positions);
    }
  }
}
