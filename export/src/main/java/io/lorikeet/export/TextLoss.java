package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import java.util.Arrays;

/// The loss of a model on texts, summed up example by example.
@Beta
public final class TextLoss {
  private double sum;
  private double weight;
  private long targets;

  /// Nothing measured yet.
  public TextLoss() {}

  /// Measures one example: how badly the model predicts each token from those before it.
  ///
  /// @param tokens the example, from position 0 on; at least two
  /// @param weights of the tokens in the mean, as many as there are tokens; 0 for the first, which
  ///     nothing comes before
  public void add(LogitsSource source, int[] tokens, float[] weights) {
    int[] given = Arrays.copyOf(tokens, tokens.length - 1);
    source.forEach(
        given,
        (position, logits) -> {
          float each = weights[position + 1];
          if (each > 0) {
            sum += each * crossEntropy(logits, tokens[position + 1]);
            weight += each;
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
    return sum / weight;
  }

  /// Predicted tokens, those of weight 0 left out.
  public long targets() {
    return targets;
  }
}
