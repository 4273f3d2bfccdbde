package io.lorikeet.train.loop;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.optimizer.NonFiniteException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/// Holds training to the base on neutral texts: each step gets one batch of them besides, whose
/// loss is the divergence from the base. The batches take turns.
///
/// The base is the model with the adapter off. Its last hidden states of all batches are computed
/// once, before the first step, and kept in the host's memory; a step makes logits of them.
final class KeptBase {
  private final double weight;
  private final List<MicroBatch> batches;
  private final List<float[]> hidden;

  private KeptBase(double weight, List<MicroBatch> batches, List<float[]> hidden) {
    this.weight = weight;
    this.batches = batches;
    this.hidden = hidden;
  }

  /// Computes the base's states. The adapter is as it was afterwards.
  ///
  /// @param weight of the mean divergence of a neutral token, where that of the mean loss of a
  ///     target is 1
  /// @param batchSize rows of a batch
  static KeptBase of(
      DataSet neutral,
      TransformerModel model,
      double weight,
      int batchSize,
      TrainingListener listener) {
    List<MicroBatch> batches = List.copyOf(neutral.batches(batchSize));
    List<float[]> hidden = new ArrayList<>();
    model
        .lora()
        .whileOff(
            () -> {
              model.foldAdapter();
              for (MicroBatch batch : batches) {
                hidden.add(model.lastHidden(batch.tokens()));
                listener.on(
                    new TrainingEvent.Progress(
                        "the base on neutral texts", hidden.size(), batches.size()));
              }
            });
    return new KeptBase(weight, batches, hidden);
  }

  private int turn(int step) {
    return (step - 1) % batches.size();
  }

  /// The batch of a step, without dropout: the adapter is served without.
  ///
  /// @param step from 1
  /// @param targets tokens with loss of the step, by which all its gradients are divided
  TransformerModel.Pass pass(int step, double targets) {
    TokenBatch batch = batches.get(turn(step)).tokens();
    float each = (float) (weight * targets / batch.targetCount());
    float[] weights = batch.targetWeights().clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= each;
    }
    TokenBatch weighted =
        new TokenBatch(
            batch.rows(),
            batch.context(),
            batch.tokens(),
            batch.positions(),
            batch.seenUntil(),
            batch.targets(),
            weights);
    return new TransformerModel.Pass(
        weighted, OptionalLong.empty(), new Objective.FromBase(hidden.get(turn(step))));
  }

  /// The mean divergence of a neutral token, in nats.
  ///
  /// @param losses of the places of the step's batch
  /// @throws NonFiniteException where it is no finite number
  double divergence(TransformerModel model, int step, float[] losses) {
    MicroBatch batch = batches.get(turn(step));
    double mean = batch.loss(losses) / batch.tokens().targetCount();
    if (!Double.isFinite(mean)) {
      String where = model.firstNonFinite(batch.tokens(), OptionalLong.empty());
      throw NonFiniteException.inStep("divergence from the base", step, where, List.of(batch));
    }
    return mean;
  }
}
