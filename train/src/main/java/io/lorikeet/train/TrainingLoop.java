package io.lorikeet.train;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.data.BatchPlan;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TrainingData;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// The steps of a run, and the validations between them.
final class TrainingLoop {
  private final TrainingConfig config;
  private final GgufFile base;
  private final TrainingStep step;
  private final int steps;
  private final TrainingListener events;
  private final BatchPlan plan;
  private final Optional<DataSet> validation;

  /// @param config with `accumulate` decided
  /// @param base the open file of the base, which must not change
  /// @param steps number of steps
  TrainingLoop(
      TrainingConfig config,
      GgufFile base,
      TrainingData data,
      TrainingStep step,
      int steps,
      TrainingListener events) {
    this.config = config;
    this.base = base;
    this.step = step;
    this.steps = steps;
    this.events = events;
    int accumulate = config.accumulate().orElseThrow();
    plan = new BatchPlan(data.training(), config.batchSize(), accumulate, config.seed());
    validation = data.validation();
  }

  /// Takes all steps.
  ///
  /// @throws NonFiniteException when a loss, gradient or parameter isn't a finite number
  /// @throws IOException when the base's file was changed meanwhile
  TrainingResult run() throws IOException {
    LearningRateSchedule schedule = config.learningRateSchedule();
    OptionalDouble before = validate(0);
    OptionalDouble after = before;
    long tokens = 0;
    double seconds = 0;
    double loss = Double.NaN;
    for (int number = 1; number <= steps; number++) {
      TrainingEvent.StepDone done = takeStep(number, schedule.rate(number, steps));
      events.on(done);
      tokens += done.tokens();
      seconds += done.seconds();
      loss = done.loss();
      if (isValidationDue(number)) {
        after = validate(number);
      }
    }
    LoraAdapter adapter = step.model().lora().toAdapter();
    requireFinite(adapter);
    return new TrainingResult(adapter, config, steps, loss, before, after, tokens, seconds);
  }

  private TrainingEvent.StepDone takeStep(int number, double rate) throws IOException {
    base.checkUnchanged();
    long start = System.nanoTime();
    TrainingStep.Outcome outcome = step.run(number, plan.step(number), rate);
    return new TrainingEvent.StepDone(
        number,
        steps,
        plan.epochsAfter(number),
        outcome.loss(),
        rate,
        outcome.gradientNorm(),
        outcome.targetTokens(),
        outcome.tokens(),
        secondsSince(start));
  }

  private boolean isValidationDue(int number) {
    boolean regular =
        config.evaluateEvery().isPresent() && number % config.evaluateEvery().getAsInt() == 0;
    return regular || number == steps;
  }

  private OptionalDouble validate(int number) throws IOException {
    if (validation.isEmpty()) {
      return OptionalDouble.empty();
    }
    base.checkUnchanged();
    long start = System.nanoTime();
    List<MicroBatch> batches = validation.get().batches(config.batchSize());
    double sum = 0;
    for (int i = 0; i < batches.size(); i++) {
      MicroBatch batch = batches.get(i);
      double loss = step.model().loss(batch.tokens());
      if (!Double.isFinite(loss)) {
        String where = step.model().firstNonFinite();
        throw NonFiniteException.inValidation(number, where, List.of(batch));
      }
      sum += loss;
      events.on(new TrainingEvent.Progress("validation", i + 1, batches.size()));
    }
    long targets = validation.get().targets();
    double mean = sum / targets;
    events.on(
        new TrainingEvent.Evaluated(
            number, plan.epochsAfter(number), mean, targets, secondsSince(start)));
    return OptionalDouble.of(mean);
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /// What the last step made of the parameters was in no loss yet.
  private void requireFinite(LoraAdapter adapter) {
    for (LoraPair pair : adapter.pairs()) {
      if (!NonFiniteException.allFinite(pair.a()) || !NonFiniteException.allFinite(pair.b())) {
        throw NonFiniteException.inParameters(steps, pair.baseTensor());
      }
    }
  }
}
