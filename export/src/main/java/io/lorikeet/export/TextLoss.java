package io.lorikeet.export;

import java.util.Arrays;

/// The loss of a model on texts, summed up example by example.
public final class TextLoss {
  private double sum;
  private long targets;

  /// Nothing measured yet.
  public TextLoss() {}

  /// Measures one example: how badly the model predicts each token from those before it.
  ///
  /// @param tokens the example, from position 0 on; at least two
  /// @param predicted which of the tokens count, as many as there are tokens; not the first, which
  ///     nothing comes before
  public void add(LogitsSource source, int[] tokens, boolean[] predicted) {
    int[] given = Arrays.copyOf(tokens, tokens.length - 1);
    source.forEach(
        given,
        (position, logits) -> {
          if (predicted[position + 1]) {
            sum += crossEntropy(logits, tokens[position + 1]);
            targets++;
          }
        });
  }

  /// `-log softmax(logits)[target]`.
  static double crossEntropy(float[] logits, int target) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double total = 0;
    for (float logit : logits) {
      total += Math.exp(logit - largest);
    }
    return Math.log(total) + largest - logits[target];
  }

  /// Mean loss per predicted token, in nats.
  public double mean() {
    return sum / targets;
  }

  /// Predicted tokens.
  public long targets() {
    return targets;
  }
}
