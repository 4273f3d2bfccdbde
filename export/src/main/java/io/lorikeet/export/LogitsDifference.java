package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import java.util.List;

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
@Beta
public record LogitsDifference(
    long positions, double maximum, double mean, double divergence, double agreement) {

  /// Compares two sources' logits, one sequence after the other.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; each is computed from position 0 on
  /// @param others may compute in the reference's context
  public static LogitsDifference between(
      int vocabulary, List<int[]> sequences, LogitsSource reference, LogitsSource others) {
    PositionDifferences differences = new PositionDifferences();
    for (int[] sequence : sequences) {
      new KeptLogits(vocabulary, List.of(sequence), reference)
          .forEach(others, (_, _, kept, row) -> differences.add(kept, row));
    }
    return differences.overall();
  }

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
}
