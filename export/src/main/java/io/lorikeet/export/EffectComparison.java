package io.lorikeet.export;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.ListIterator;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;

/// Compares an adapter's effect in llama.cpp with its effect in the trainer, position by position,
/// and tells errors of the adapter from rounding.
///
/// Rounding hits single positions: where kernels add in another order, an activation now and then
/// falls to another one of its 8 bits' values, and that position differs, and those that attend to
/// it. A defect of an adapter shows at all positions. So the median position counts. At each
/// position the difference that is there without the adapter tells what rounding makes, and, where
/// the adapter's own products are rounded, how much the logits move with as little of it. If the
/// difference with the adapter is rounding too, it exceeds the one without at half of the positions
/// at most, so the median of what exceeds [#MARGIN] times the one without is 0. One activation near
/// the beginning can change all positions after it, though, and with the adapter there may be more
/// of them: [#addNearer] finds out.
final class EffectComparison {
  private static final double MARGIN = 3;

  /// How far logits are from others at one position: the standard deviation of their differences
  /// over the vocabulary, all tokens weighing alike, or each by its probability. A defect may show
  /// in only one of them.
  private record Distance(double alike, double byProbability) {

    /// The smaller ones of both.
    Distance and(Distance other) {
      return new Distance(
          Math.min(alike, other.alike), Math.min(byProbability, other.byProbability));
    }

    /// The larger ones of both.
    Distance or(Distance other) {
      return new Distance(
          Math.max(alike, other.alike), Math.max(byProbability, other.byProbability));
    }

    static Distance between(float[] first, float[] second, double[] probabilities) {
      double mean = 0;
      double weightedMean = 0;
      for (int i = 0; i < first.length; i++) {
        double difference = (double) first[i] - second[i];
        mean += difference / first.length;
        weightedMean += probabilities[i] * difference;
      }
      double square = 0;
      double weightedSquare = 0;
      for (int i = 0; i < first.length; i++) {
        double difference = (double) first[i] - second[i];
        square += Math.pow(difference - mean, 2) / first.length;
        weightedSquare += probabilities[i] * Math.pow(difference - weightedMean, 2);
      }
      return new Distance(Math.sqrt(square), Math.sqrt(weightedSquare));
    }
  }

  /// @param acts whether the adapter changes anything here in the trainer: before its invocation an
  ///     activated one doesn't
  private record PositionDistances(
      boolean acts, Distance effect, Distance difference, Distance rounding) {}

  /// How much the trainer's logits move at each position with as little more of the adapter as
  /// rounding of its products makes; nothing where they aren't rounded.
  static final class Sensitivity {
    private final List<Distance> distances = new ArrayList<>();

    /// @param trained the trainer's logits with the adapter
    /// @param nudged with so little more of it
    void add(KeptLogits trained, LogitsSource nudged) {
      trained.forEach(
          nudged,
          (_, _, kept, others) -> distances.add(Distance.between(kept, others, softmax(kept))));
    }
  }

  private final Sensitivity sensitivity;

  private final List<PositionDistances> positions = new ArrayList<>();

  /// @param sensitivity of the positions that will be added, in their order
  EffectComparison(Sensitivity sensitivity) {
    this.sensitivity = sensitivity;
  }

  /// Adds a position, with one logit for each token of the vocabulary.
  void add(float[] llama, float[] llamaBase, float[] trainer, float[] trainerBase) {
    double[] probabilities = softmax(trainer);
    Distance rounding = Distance.between(llamaBase, trainerBase, probabilities);
    positions.add(
        new PositionDistances(
            !Arrays.equals(trainer, trainerBase),
            Distance.between(trainer, trainerBase, probabilities),
            Distance.between(llama, trainer, probabilities),
            sensitivity.distances.isEmpty()
                ? rounding
                : rounding.or(sensitivity.distances.get(positions.size()))));
  }

  /// Takes the trainer's logits with next to nothing more or less of the adapter, which drives
  /// activations to the other side of where they are rounded: where they are nearer to llama.cpp's,
  /// they count. All positions have been added before.
  ///
  /// @param isRounding whether it is so little that its effect is rounding
  void addNearer(KeptLogits llama, KeptLogits trained, LogitsSource nudged, boolean isRounding) {
    ListIterator<PositionDistances> each = positions.listIterator();
    llama.forEach(
        nudged,
        (sequence, position, kept, others) -> {
          PositionDistances before = each.next();
          float[] trainer = trained.row(sequence, position);
          double[] probabilities = softmax(trainer);
          Distance difference = Distance.between(kept, others, probabilities);
          Distance change = Distance.between(trainer, others, probabilities);
          each.set(
              new PositionDistances(
                  before.acts,
                  before.effect,
                  before.difference.and(difference),
                  isRounding ? before.rounding.or(change) : before.rounding));
        });
  }

  private static double[] softmax(float[] logits) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double[] probabilities = new double[logits.length];
    double total = 0;
    for (int i = 0; i < logits.length; i++) {
      probabilities[i] = Math.exp(logits[i] - largest);
      total += probabilities[i];
    }
    for (int i = 0; i < logits.length; i++) {
      probabilities[i] /= total;
    }
    return probabilities;
  }

  /// The difference between llama.cpp and the trainer with the adapter, less what rounding
  /// explains, as a share of the adapter's effect at the median position. Where the adapter doesn't
  /// act, rounding has to explain all of it, or the share is infinite.
  ///
  /// @return NaN when any logit wasn't a number
  double differenceShare() {
    return Math.max(differenceShare(true), differenceShare(false));
  }

  private double differenceShare(boolean acting) {
    return median(
        acting,
        (position, measure) -> {
          double rounding = measure.applyAsDouble(position.rounding);
          double excess = measure.applyAsDouble(position.difference) - MARGIN * rounding;
          return excess <= 0 ? 0 : excess / measure.applyAsDouble(position.effect);
        });
  }

  /// The difference between llama.cpp and the trainer without the adapter, as a share of the
  /// adapter's effect at the median position; infinite when the adapter has none at all.
  double roundingShare() {
    return positions.stream().noneMatch(PositionDistances::acts)
        ? Double.POSITIVE_INFINITY
        : median(
            true,
            (position, measure) -> {
              double effect = measure.applyAsDouble(position.effect);
              return effect == 0
                  ? Double.POSITIVE_INFINITY
                  : measure.applyAsDouble(position.rounding) / effect;
            });
  }

  private double median(
      boolean acting, ToDoubleBiFunction<PositionDistances, ToDoubleFunction<Distance>> value) {
    return Math.max(
        median(acting, value, Distance::alike), median(acting, value, Distance::byProbability));
  }

  /// Over the positions where the adapter acts, or over the others; 0 where there are none, NaN
  /// when any value is.
  private double median(
      boolean acting,
      ToDoubleBiFunction<PositionDistances, ToDoubleFunction<Distance>> value,
      ToDoubleFunction<Distance> measure) {
    double[] values =
        positions.stream()
            .filter(position -> position.acts == acting)
            .mapToDouble(position -> value.applyAsDouble(position, measure))
            .sorted() // NaN last
            .toArray();
    return values.length == 0
        ? 0
        : Double.isNaN(values[values.length - 1]) ? Double.NaN : values[values.length / 2];
  }
}
