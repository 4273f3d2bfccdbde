package io.lorikeet.export;

import java.util.ArrayList;
import java.util.List;

/// How far logits are from reference logits at each of many positions.
final class PositionDifferences {

  /// The parts of a [LogitsDifference] at one position.
  private record Position(double maximum, double mean, double divergence, boolean agrees) {}

  private final List<Position> positions = new ArrayList<>();

  /// Adds a position.
  ///
  /// @param reference one logit for each token of the vocabulary
  /// @param logits as many
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
    double maximum = 0;
    for (int i = 0; i < reference.length; i++) {
      double difference = Math.abs((double) logits[i] - reference[i] - shift);
      sum += difference;
      maximum = Math.max(maximum, difference); // NaN stays NaN
    }
    double divergence = divergence(reference, logits, reference[referenceBest]);
    positions.add(new Position(maximum, sum / reference.length, divergence, best == referenceBest));
  }

  /// KL(p ‖ q) of the softmax p of the reference and q of the logits. With d the difference of the
  /// logits, less its mean under p, it is log Σ p exp(d), which doesn't lose small divergences to
  /// rounding as the usual form does.
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
    double largestSummand = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < reference.length; i++) {
      double difference = (double) logits[i] - reference[i] - mean;
      excess += Math.exp(reference[i] - largest) * expLessLine(difference);
      largestSummand = Math.max(largestSummand, reference[i] - largest + difference);
    }
    if (Double.isFinite(excess)) {
      return Math.log1p(excess / total);
    }
    double sum = 0; // of p exp(d), which no double holds, divided by its largest summand
    for (int i = 0; i < reference.length; i++) {
      sum += Math.exp(logits[i] - mean - largest - largestSummand);
    }
    return largestSummand + Math.log(sum / total);
  }

  /// exp(x) - 1 - x.
  private static double expLessLine(double x) {
    return Math.abs(x) < 1e-3 ? x * x * (0.5 + x * (1.0 / 6 + x / 24)) : Math.exp(x) - 1 - x;
  }

  /// Over all positions.
  LogitsDifference overall() {
    double maximum = 0;
    double mean = 0;
    double divergence = 0;
    double agreements = 0;
    for (Position position : positions) {
      maximum = Math.max(maximum, position.maximum); // NaN stays NaN
      mean += position.mean;
      divergence += position.divergence;
      agreements += position.agrees ? 1 : 0;
    }
    int count = positions.size();
    return new LogitsDifference(
        count, maximum, mean / count, divergence / count, agreements / count);
  }
}
