package io.lorikeet.train;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelConfig;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.data.BatchPlan;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import java.io.IOException;
import java.util.OptionalDouble;

/// Trains a LoRA adapter on a frozen base: reads the data, runs the steps, keeps the run folder.
/// The finished adapter is handed back; writing it to a file is export's part.
public final class Trainer {
  private final TrainingListener listener;
  private TrainingConfig config;

  public Trainer(TrainingConfig config, TrainingListener listener) {
    this.config = config;
    this.listener = listener;
  }

  /// Trains from the first step to the last.
  ///
  /// @throws io.lorikeet.quant.InvalidInputException when the base, the data or the settings can't
  ///     be used
  /// @throws NonFiniteException when a loss or gradient isn't a finite number
  /// @throws IOException when a file can't be read or the run folder can't be written
  public TrainingResult run() throws IOException {
    try (GgufFile base = GgufFile.open(config.model())) {
      ModelConfig model = ModelConfig.of(base);
      LoraTargets.resolve(config.targets(), model);
      TrainingData data;
      try (LlamaModel text = LlamaModel.load(base.path(), LlamaModel.Options.VOCABULARY)) {
        data = TrainingData.load(config, TextEncoding.of(text.vocabulary()), listener);
      }
      config = config.withAccumulate(config.accumulateFor(data.training().rows().size()));
      try (RunFolder folder = RunFolder.create(config);
          MetricsFile metrics = new MetricsFile(folder.metrics());
          Backend backend = Backend.open(config.device(), config.threads())) {
        return train(
            base,
            model,
            data,
            backend,
            event -> {
              metrics.on(event);
              listener.on(event);
            });
      }
    }
  }

  private TrainingResult train(
      GgufFile base, ModelConfig model, TrainingData data, Backend backend, TrainingListener events)
      throws IOException {
    Precision precision = Precision.valueOf(config.precision().name());
    PassShape shape = PassShape.choose(model, config.batchSize(), config.context());
    TransformerModel.Options options =
        new TransformerModel.Options(shape, precision, true, config.dropout());
    try (BaseWeights weights =
            BaseWeights.load(
                base,
                backend,
                (done, total) ->
                    events.on(new TrainingEvent.Progress("uploading weights", done, total)));
        LoraParameters lora = LoraParameters.create(base, model, loraSettings(), backend);
        TransformerModel transformer =
            new TransformerModel(base, model, weights, lora, backend, options);
        AdamW optimizer = new AdamW(lora, config.weightDecay(), backend)) {
      Advice.give(config, data.training(), lora.count(), events);
      int steps = config.stepsFor(data.training().rows().size());
      events.on(
          new TrainingEvent.Started(steps, lora.count(), base.parameterCount() + lora.count()));
      return new Loop(base, data, transformer, optimizer, steps, events).run();
    }
  }

  private LoraSettings loraSettings() {
    return new LoraSettings(
        config.rank(),
        config.alpha(),
        config.rslora(),
        config.dropout(),
        config.targets(),
        config.seed());
  }

  /// The steps of a run, and the validations between them.
  private final class Loop {
    private final GgufFile base;
    private final TransformerModel model;
    private final int steps;
    private final TrainingListener events;
    private final TrainingStep step;
    private final BatchPlan plan;
    private final DataSet validation;

    Loop(
        GgufFile base,
        TrainingData data,
        TransformerModel model,
        AdamW optimizer,
        int steps,
        TrainingListener events) {
      this.base = base;
      this.model = model;
      this.steps = steps;
      this.events = events;
      step = new TrainingStep(model, optimizer, config.maxGradNorm(), config.seed());
      int accumulate = config.accumulate().orElseThrow();
      plan = new BatchPlan(data.training(), config.batchSize(), accumulate, config.seed());
      validation = data.validation().orElse(null);
    }

    TrainingResult run() throws IOException {
      LearningRateSchedule schedule = config.learningRateSchedule();
      OptionalDouble before = evaluate(0);
      OptionalDouble after = before;
      long tokens = 0;
      double seconds = 0;
      double loss = Double.NaN;
      for (int number = 1; number <= steps; number++) {
        base.checkUnchanged();
        double rate = schedule.rate(number, steps);
        long start = System.nanoTime();
        TrainingStep.Outcome outcome = step.run(number, plan.step(number), rate);
        double time = (System.nanoTime() - start) / 1e9;
        events.on(
            new TrainingEvent.StepDone(
                number,
                steps,
                plan.epochsAfter(number),
                outcome.loss(),
                rate,
                outcome.gradientNorm(),
                outcome.targetTokens(),
                outcome.tokens(),
                time));
        tokens += outcome.tokens();
        seconds += time;
        loss = outcome.loss();
        if (number == steps || isEvaluationDue(number)) {
          after = evaluate(number);
        }
      }
      return new TrainingResult(
          model.lora().toAdapter(), config, steps, loss, before, after, tokens, seconds);
    }

    private boolean isEvaluationDue(int number) {
      return config.evaluateEvery().isPresent() && number % config.evaluateEvery().getAsInt() == 0;
    }

    private OptionalDouble evaluate(int number) {
      if (validation == null) {
        return OptionalDouble.empty();
      }
      long start = System.nanoTime();
      double sum = 0;
      double targets = 0;
      for (MicroBatch batch : validation.batches(config.batchSize())) {
        sum += model.loss(batch.tokens());
        targets += batch.tokens().targetCount();
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      double loss = sum / targets;
      events.on(
          new TrainingEvent.Evaluated(
              number, plan.epochsAfter(number), loss, Math.round(targets), seconds));
      return OptionalDouble.of(loss);
    }
  }
}
