package io.lorikeet.train.loop;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.event.FlightEvents;
import io.lorikeet.train.goal.Goal;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.optimizer.NonFiniteException;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.parallel.StepGradients;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/// One optimizer step: the gradients of its micro-batches summed, divided once by what the goal's
/// mean is over in them all, clipped, applied.
final class TrainingStep {
  private final TransformerModel model;
  private final StepGradients gradients;
  private final AdamW optimizer;
  private final Goal goal;
  private final Optional<KeptBase> keptBase;
  private final double maxGradNorm;
  private final long seed;
  private boolean updating;

  /// The results of a step.
  ///
  /// @param loss the goal's mean loss before the update
  /// @param gradientNorm global norm before clipping
  /// @param targetTokens tokens with loss
  /// @param tokens tokens computed, padding excluded
  /// @param divergence from the base, mean over neutral tokens, in nats; empty where training isn't
  ///     held to it
  /// @param figures the goal's further means
  record StepOutcome(
      double loss,
      double gradientNorm,
      long targetTokens,
      long tokens,
      OptionalDouble divergence,
      Map<String, Double> figures) {}

  /// @param gradients computes those of the micro-batches
  /// @param goal the mean that the step makes less
  /// @param keptBase adds its loss to each step
  /// @param maxGradNorm global norm that gradients are clipped to; 0 for no clipping
  /// @param seed of the dropout masks
  TrainingStep(
      TransformerModel model,
      StepGradients gradients,
      AdamW optimizer,
      Goal goal,
      Optional<KeptBase> keptBase,
      double maxGradNorm,
      long seed) {
    this.model = model;
    this.gradients = gradients;
    this.optimizer = optimizer;
    this.goal = goal;
    this.keptBase = keptBase;
    this.maxGradNorm = maxGradNorm;
    this.seed = seed;
  }

  TransformerModel model() {
    return model;
  }

  /// A listener to the parts of a step.
  interface Watch {
    /// Lets everything happen.
    Watch NOBODY =
        new Watch() {
          @Override
          public void afterBatch() {}

          @Override
          public void beforeUpdate(StepOutcome outcome, List<MicroBatch> batches) {}
        };

    /// A micro-batch was given to the device, or several that take turns, and the one before is
    /// done; the parameters are still those before the step.
    void afterBatch();

    /// All gradients are there.
    ///
    /// @param outcome the step's numbers, all of them finite
    /// @throws UnusableStepException to keep them from the parameters
    void beforeUpdate(StepOutcome outcome, List<MicroBatch> batches);
  }

  /// @param step number of the step, from 1
  /// @throws UnusableStepException before such numbers reach the parameters; see [#discard]
  StepOutcome run(int step, List<MicroBatch> batches, double learningRate, Watch watch) {
    model.foldAdapter();
    Goal.Round round = goal.begin(model, batches);
    double count = 0;
    double targets = 0;
    long tokens = 0;
    List<TransformerModel.Pass> all = new ArrayList<>();
    SplittableRandom dropoutSeeds = new SplittableRandom(seed ^ (long) step << 32);
    for (MicroBatch batch : batches) {
      OptionalLong drawn = OptionalLong.of(dropoutSeeds.nextLong());
      all.add(new TransformerModel.Pass(batch.tokens(), drawn, round.objective(batch)));
      count += goal.count(batch);
      targets += batch.tokens().targetCount();
      tokens += batch.usedPlaces();
    }
    if (keptBase.isPresent()) {
      all.add(keptBase.get().pass(step, count));
    }
    FlightEvents.DeviceWaitEvent wait = new FlightEvents.DeviceWaitEvent();
    Supplier<Tensor> squares =
        () -> {
          wait.begin();
          return optimizer.sumSquares();
        };
    TransformerModel.Losses losses = gradients.add(model, all, squares, watch::afterBatch);
    wait.over(step);
    for (int i = 0; i < batches.size(); i++) {
      MicroBatch batch = batches.get(i);
      float[] ofBatch = losses.losses().get(i);
      if (!Double.isFinite(batch.loss(ofBatch))) {
        String where = model.firstNonFinite(batch.tokens(), all.get(i).dropoutSeed());
        throw NonFiniteException.inStep("loss", step, where, List.of(batch));
      }
      round.add(batch, ofBatch);
    }
    OptionalDouble divergence = OptionalDouble.empty();
    if (keptBase.isPresent()) {
      divergence =
          OptionalDouble.of(keptBase.get().divergence(model, step, losses.losses().getLast()));
    }
    Goal.GoalResult result = round.result();
    double norm = Math.sqrt(losses.other()) / count;
    if (!Double.isFinite(norm)) {
      throw NonFiniteException.inStep("gradient", step, firstNonFiniteGradient(), batches);
    }
    StepOutcome outcome =
        new StepOutcome(
            result.loss(), norm, Math.round(targets), tokens, divergence, result.figures());
    watch.beforeUpdate(outcome, batches);
    double clip = maxGradNorm > 0 && norm > maxGradNorm ? maxGradNorm / norm : 1;
    updating = true;
    optimizer.step(learningRate, clip / count);
    updating = false;
    return outcome;
  }

  /// Whether an update has failed, so that the parameters are neither those before the step nor
  /// those after it.
  boolean isHalfTaken() {
    return updating;
  }

  /// Forgets the gradients of a step that was not taken.
  void discard() {
    model.lora().gradients().clear();
  }

  /// The adapted tensor whose gradient went wrong first: backward comes from the head.
  private String firstNonFiniteGradient() {
    LoraParameters lora = model.lora();
    for (LoraSlot slot : lora.slots().reversed()) {
      List<float[]> matrices = LoraParameters.read(lora.gradients(), slot);
      if (!matrices.stream().allMatch(NonFiniteException::allFinite)) {
        return slot.baseTensor();
      }
    }
    return "the norm of all";
  }
}
