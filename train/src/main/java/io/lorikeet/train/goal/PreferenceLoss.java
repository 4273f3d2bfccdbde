package io.lorikeet.train.goal;

import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;

/// The losses of the preference methods and their derivatives, as functions of whole answers' log
/// probabilities.
///
/// Each method gives an answer a value. Of a pair, the difference of the values is what its loss
/// depends on:
///
///     method  value of an answer                   loss of the difference d
///     DPO     log p - log p of the reference       -(1 - ε) log σ(β d) - ε log σ(-β d)
///     IPO     the same, divided by its tokens      (d - 1 / 2β)²
///     SimPO   log p, divided by its tokens         that of DPO, of d - γ / β
///     ORPO    log odds of exp(log p / its tokens)  -β log σ(d)
///
/// KTO takes an answer alone: its loss is `1 - σ(β (value - z))` where the answer is good, and
/// `1 - σ(β (z - value))` where it is bad, each with its weight; z is how far the adapter is from
/// its reference.
public final class PreferenceLoss {
  /// Odds of what is certain are no number.
  private static final double LEAST_LOSS = 1e-9;

  private final PreferenceSettings settings;
  private final Method method;
  private final double beta;

  public PreferenceLoss(PreferenceSettings settings) {
    this.settings = settings;
    method = settings.method();
    beta = settings.beta();
  }

  /// An answer.
  ///
  /// @param logp its log probability, summed over its tokens, in nats
  /// @param reference the same of the reference; 0 where the method has none
  /// @param tokens its tokens with loss
  public record JudgedAnswer(double logp, double reference, int tokens) {
    double perToken() {
      return logp / tokens;
    }
  }

  /// The loss of a pair.
  ///
  /// @param byChosen derivative by the chosen answer's log probability
  /// @param byRejected derivative by the rejected answer's
  public record OfPair(double loss, double byChosen, double byRejected) {}

  /// The loss of an answer alone.
  ///
  /// @param byAnswer derivative by its log probability
  public record OfAnswer(double loss, double byAnswer) {}

  /// The loss of a pair; of any method but KTO.
  public OfPair of(JudgedAnswer chosen, JudgedAnswer rejected) {
    double difference = value(chosen) - value(rejected);
    double loss;
    double slope;
    switch (method) {
      case IPO -> {
        double distance = difference - 1 / (2 * beta);
        loss = distance * distance;
        slope = 2 * distance;
      }
      case ORPO -> {
        loss = beta * softplus(-difference);
        slope = -beta * sigmoid(-difference);
      }
      case DPO, SIMPO -> {
        double margin = beta * difference - settings.gamma();
        double wrong = settings.smoothing();
        loss = (1 - wrong) * softplus(-margin) + wrong * softplus(margin);
        slope = beta * (wrong * sigmoid(margin) - (1 - wrong) * sigmoid(-margin));
      }
      default -> throw new IllegalStateException(method + " takes no pairs");
    }
    double weight = settings.sftWeight();
    return new OfPair(
        loss - weight * chosen.perToken(),
        slope * slope(chosen) - weight / chosen.tokens(),
        -slope * slope(rejected));
  }

  /// KTO's loss of an answer.
  ///
  /// @param distance how far the adapter is from its reference, in nats of an answer
  public OfAnswer of(JudgedAnswer answer, boolean good, double distance) {
    double sign = good ? 1 : -1;
    double weight = good ? settings.goodWeight() : settings.badWeight();
    double kept = sigmoid(sign * beta * (value(answer) - distance));
    return new OfAnswer(weight * (1 - kept), -sign * weight * beta * kept * (1 - kept));
  }

  /// How much the method thinks of an answer.
  public double reward(JudgedAnswer answer) {
    return beta * (method == Method.ORPO ? answer.perToken() : value(answer));
  }

  private double value(JudgedAnswer answer) {
    return switch (method) {
      case DPO, KTO -> answer.logp - answer.reference;
      case IPO -> (answer.logp - answer.reference) / answer.tokens;
      case SIMPO -> answer.perToken();
      case ORPO -> {
        double mean = uncertain(answer);
        yield mean - Math.log(-Math.expm1(mean));
      }
      case CONTRASTIVE -> throw new IllegalStateException(method + " has no answers");
    };
  }

  /// The derivative of an answer's value by its log probability.
  private double slope(JudgedAnswer answer) {
    return switch (method) {
      case DPO, KTO -> 1;
      case IPO, SIMPO -> 1.0 / answer.tokens;
      case ORPO -> -1 / (answer.tokens * Math.expm1(uncertain(answer)));
      case CONTRASTIVE -> throw new IllegalStateException(method + " has no answers");
    };
  }

  private static double uncertain(JudgedAnswer answer) {
    return Math.min(answer.perToken(), -LEAST_LOSS);
  }

  /// log(1 + exp(x)).
  private static double softplus(double x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
