package io.lorikeet.train.loop;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.PackedRow;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.goal.TokenGoal;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.memory.TrainingSetup;
import io.lorikeet.train.parallel.StepGradients;
import io.lorikeet.train.settings.AdamWSettings;
import io.lorikeet.train.settings.Recompute;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Training on random tokens, put together as [Trainer] does it, so that its speed and memory can
/// be measured without data. The batch is one row that is one example, every token of it trained.
@Beta
public final class TrainingProbe {
  private static final double LEARNING_RATE = 2e-4;
  private static final double MAX_GRADIENT_NORM = 1;

  private final Backend backend;
  private final TransformerModel model;
  private final TrainingStep step;
  private final MicroBatch batch;
  private int steps;

  private TrainingProbe(Backend backend, TrainingSetup setup, MicroBatch batch, long seed) {
    this.backend = backend;
    model = setup.model();
    this.batch = batch;
    TokenGoal goal = new TokenGoal();
    step =
        new TrainingStep(
            model,
            StepGradients.local(),
            setup.optimizer(),
            goal,
            Optional.empty(),
            MAX_GRADIENT_NORM,
            seed);
  }

  /// Loads a base's weights, takes the memory that training needs, and lends it all.
  ///
  /// @param base the open file of the base
  /// @param backend where to compute
  /// @param context tokens of the row
  /// @param adapter the adapter to train; its seed is also that of the tokens
  /// @param recompute the parts of a layer that backward computes again; the least, where it is for
  ///     memory to decide
  /// @param user given what it may use during the call
  /// @throws InvalidInputException when the base can't be trained, or not with this adapter or
  ///     context
  public static void lend(
      GgufFile base,
      Backend backend,
      int context,
      LoraSettings adapter,
      Recompute recompute,
      Consumer<TrainingProbe> user) {
    ModelConfig config = ModelConfig.of(base);
    if (context < 1 || context > config.contextLength()) {
      throw new InvalidInputException(
          "context: %s isn't from 1 to the base's %s".formatted(context, config.contextLength()));
    }
    RankCheck.of(base, config, adapter.targets()).check(adapter.rank(), _ -> {});
    PassShape shape = PassShape.choose(config, 1, context, !backend.isSoftware());
    TrainingSetup.Request request =
        new TrainingSetup.Request(
            on -> LoraParameters.create(base, config, adapter, on),
            Placement.onDevice(
                shape,
                recompute == Recompute.ALL ? SavedActivations.NONE : SavedActivations.PROJECTIONS),
            List.of(),
            Precision.AUTO,
            adapter.dropout(),
            AdamWSettings.of(0),
            false,
            false,
            null);
    try (TrainingSetup setup = new TrainingSetup(base, backend, request, (_, _) -> {})) {
      MicroBatch batch = randomTokens(config.vocabulary(), context, adapter.seed());
      user.accept(new TrainingProbe(backend, setup, batch, adapter.seed()));
    }
  }

  private static MicroBatch randomTokens(int vocabulary, int context, long seed) {
    // One more than there are places: the last token is only predicted.
    int[] tokens = new SplittableRandom(seed).ints(context + 1, 0, vocabulary).toArray();
    TokenizedExample example = new TokenizedExample(tokens, 1, "random tokens", 1);
    return MicroBatch.of(List.of(PackedRow.of(example)), 1, context);
  }

  /// The tokens of the row, as many as the context has.
  public int[] tokens() {
    return batch.tokens().tokens().clone();
  }

  /// Trained parameters.
  public long trainedParameters() {
    return model.lora().count();
  }

  /// Takes a whole step: loss, gradients, their norm, the optimizer; and waits for its end.
  ///
  /// @return mean loss per token before the update, in nats
  public double trainingStep() {
    TrainingStep.StepOutcome outcome =
        step.run(++steps, List.of(batch), LEARNING_RATE, TrainingStep.Watch.NOBODY);
    backend.finish();
    return outcome.loss();
  }

  /// Runs the forward pass alone.
  ///
  /// @return mean loss per token, in nats
  public double forward() {
    return model.loss(batch.tokens()) / batch.tokens().targetCount();
  }
}
