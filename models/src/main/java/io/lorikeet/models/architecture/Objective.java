package io.lorikeet.models.architecture;

import java.util.HashSet;
import java.util.Set;

/// The loss of a batch, as the gradient of its logits comes from it.
public sealed interface Objective {
  /// Cross-entropy with the batch's targets and their weights.
  Objective TARGETS = new OfTargets();

  /// See [Objective#TARGETS].
  record OfTargets() implements Objective {}

  /// Any function of the targets' losses, `-log p[target]`: these are computed in a first pass over
  /// the head, and its derivatives by them are the targets' weights in a second.
  @FunctionalInterface
  non-sealed interface OfLosses extends Objective {
    /// The derivative by the loss of each place, of any sign.
    ///
    /// @param losses of the batch's places, in nats; of any value where the batch's weight is 0
    /// @return as many; 0 where the batch's weight is 0
    float[] derivatives(float[] losses);
  }

  /// Any function of the last hidden states, such as a loss of embeddings: the host computes it and
  /// its gradient, and the head isn't run.
  @FunctionalInterface
  non-sealed interface OfHidden extends Objective {
    /// @param hidden `[embedding, places]`, the states that the final norm takes
    HiddenLosses at(float[] hidden);
  }

  /// The losses of [OfHidden].
  ///
  /// @param losses of the batch's places, in nats
  /// @param gradient `[embedding, places]` of their sum, by the hidden states
  record HiddenLosses(float[] losses, float[] gradient) {}

  /// The Kullback-Leibler divergence of the model from its base, at each place with its weight. The
  /// base's logits are computed anew from its hidden states, so that nothing as large as the
  /// vocabulary is kept for a place.
  ///
  /// @param hidden the base's last hidden states `[embedding, places]` of the same batch, as
  ///     [TransformerModel#lastHidden] gives them where the adapter is off
  record FromBase(float[] hidden) implements Objective {}

  /// Cross-entropy with a distribution at each place, `Σ q[v] · -log p[v]` with the place's weight.
  /// Some tokens are listed, and all others are equally likely.
  ///
  /// @param listed tokens listed at each place
  /// @param tokens their ids, place after place, each once
  /// @param probabilities of the listed tokens
  /// @param rest for each place the probability of every token that isn't listed
  record Distributions(int listed, int[] tokens, float[] probabilities, float[] rest)
      implements Objective {
    public Distributions {
      int size = Math.multiplyExact(listed, rest.length);
      if (listed < 1 || tokens.length != size || probabilities.length != size) {
        throw new IllegalArgumentException(
            "%s tokens and %s probabilities for %s at each of %s places"
                .formatted(tokens.length, probabilities.length, listed, rest.length));
      }
      Set<Integer> ofPlace = new HashSet<>();
      for (int i = 0; i < size; i++) {
        if (i % listed == 0) {
          ofPlace.clear();
        }
        if (!ofPlace.add(tokens[i])) {
          throw new IllegalArgumentException(
              "token %s is listed twice at place %s".formatted(tokens[i], i / listed));
        }
      }
    }
  }
}
