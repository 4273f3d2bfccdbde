package io.lorikeet.train.parallel;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import java.io.Serializable;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// A micro-batch on its way to a process that computes it.
///
/// @param number its place in the step, from 0
/// @param drops whether dropout masks are drawn
/// @param dropoutSeed seed of the masks
/// @param hidden the base's last hidden states, where the loss is the divergence from the base
public record MicroBatchWork(
    int number, TokenBatch tokens, boolean drops, long dropoutSeed, float @Nullable [] hidden)
    implements Serializable {

  /// @throws IllegalArgumentException when its loss is a function that can't travel
  public static MicroBatchWork of(int number, TransformerModel.Pass pass) {
    float[] hidden =
        switch (pass.objective()) {
          case Objective.OfTargets _ -> null;
          case Objective.FromBase objective -> objective.hidden();
          case Objective.OfLosses _, Objective.OfHidden _, Objective.Distributions _ ->
              throw new IllegalArgumentException("this loss is computed on one machine only");
        };
    return new MicroBatchWork(
        number, pass.batch(), pass.dropoutSeed().isPresent(), pass.dropoutSeed().orElse(0), hidden);
  }

  /// As the model takes it.
  TransformerModel.Pass pass() {
    return new TransformerModel.Pass(
        tokens,
        drops ? OptionalLong.of(dropoutSeed) : OptionalLong.empty(),
        hidden == null ? Objective.TARGETS : new Objective.FromBase(hidden));
  }
}
