package io.lorikeet.train.loop;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.BatchPlan;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.FlightEvents;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.goal.Goal;
import io.lorikeet.train.optimizer.NonFiniteException;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.parallel.MachineException;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.RunProgress;
import io.lorikeet.train.run.RunSaver;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.sample.Samples;
import io.lorikeet.train.settings.LearningRateSchedule;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The steps of a run, the validations and checkpoints between them, and every way it can end.
final class TrainingLoop {
  /// Steps left out one after the other that end a run whatever its policy, and returns to one
  /// state.
  private static final int MOST_SKIPPED = 10;

  private final TrainingConfig config;
  private final GgufFile base;
  private final TrainingStep step;
  private final Goal measured;
  private final int steps;
  private final TrainingListener events;
  private final BatchPlan plan;
  private Optional<DataSet> validation;
  private final Optional<ChatTemplate> chatTemplate;
  private final RunProgress progress;
  private final RunSaver saver;
  private final Ends ends;
  private Optional<Samples> samples = Optional.empty();
  private LearningRateSchedule rates;
  private double longestStep;
  private boolean savedAtStop;
  private int rolledBackTo = -1;
  private int rollbacks; // to that state

  /// The reasons to end a run early, and who says which adapter is any good.
  ///
  /// @param deadline value of [System#nanoTime] at which its time is over
  record Ends(StopRequest request, Optional<Long> deadline, Optional<Judge> judge) {}

  /// @param config with `accumulate` decided
  /// @param base the open file of the base, which must not change
  /// @param measured the mean that is measured on the validation data
  /// @param steps number of steps
  /// @param progress the steps done already
  TrainingLoop(
      TrainingConfig config,
      GgufFile base,
      TrainingData data,
      TrainingStep step,
      Goal measured,
      int steps,
      RunProgress progress,
      RunSaver saver,
      Ends ends,
      TrainingListener events) {
    this.config = config;
    this.base = base;
    this.step = step;
    this.measured = measured;
    this.steps = steps;
    this.progress = progress;
    this.saver = saver;
    this.ends = ends;
    this.events = events;
    int accumulate = config.get(Settings.ACCUMULATE);
    plan =
        new BatchPlan(
            data.training(),
            config.get(Settings.BATCH_SIZE),
            accumulate,
            config.get(Settings.SEED));
    rates = config.learningRateSchedule();
    validation = data.validation();
    chatTemplate = data.chatTemplate();
  }

  /// Takes its steps at these rates, and measures nothing else.
  TrainingLoop trial(LearningRateSchedule schedule) {
    rates = schedule;
    validation = Optional.empty();
    return this;
  }

  /// Answers prompts whenever the validation data is measured, or would be.
  TrainingLoop samples(Optional<Samples> answering) {
    samples = answering;
    return this;
  }

  /// Takes all steps that aren't done yet.
  ///
  /// @throws UnusableStepException when a loss, gradient or parameter isn't a finite number or far
  ///     outside, and the policy is to stop
  /// @throws InvalidInputException when adapted matrices have no gradient, and that isn't allowed
  /// @throws StoppedException when it was asked to stop, or its time is over
  /// @throws IOException when the base's file was changed meanwhile, or the last checkpoint can't
  ///     be written
  /// @throws GgmlException when the device is lost or out of memory
  /// @throws MachineException when other machines were to compute and can't
  TrainingResult run() throws IOException {
    try {
      saver.prepare();
      if (progress.step() == 0 && config.get(Settings.ON_NAN) == RunPolicy.OnNan.ROLLBACK) {
        saver.trySave(progress); // so that there is something to go back to
      }
      validateIfDue();
      while (!isOver()) {
        stopIfAsked();
        int number = progress.step() + 1;
        step(number, rates.rate(number, steps));
        validateIfDue();
        saver.saveIfDue(progress);
      }
      boolean unjudged = ends.judge().isPresent() && validation.isEmpty();
      if (unjudged && progress.passedStep() < progress.step()) {
        progress.judged(passes(progress.step()));
      }
    } catch (IOException
        | UnusableStepException
        | GgmlException
        | MachineException
        | VirtualMachineError e) {
      keepState();
      throw e;
    } catch (UncheckedIOException e) {
      // The metrics lack the last step, so its state isn't to be kept.
      events.on(new TrainingEvent.Note(saver.howToGoOn()));
      throw e;
    }
    LoraAdapter adapter = step.model().lora().toAdapter();
    requireFinite(adapter);
    saver.tryFinish(progress); // the adapter is there: it must not fall with its checkpoint
    return new TrainingResult(
        adapter,
        saver.best(progress, adapter),
        chatTemplate,
        config,
        progress.step(),
        progress.loss(),
        progress.validationBefore(),
        progress.validationAfter(),
        progress.passedStep() > 0,
        progress.tokens(),
        progress.seconds());
  }

  private boolean isOver() {
    int patience = config.find(Settings.EARLY_STOP).orElse(Integer.MAX_VALUE);
    return progress.step() >= steps || progress.validationsSinceLowest() >= patience;
  }

  /// Keeps the state after any end of the run, unless a step has changed only a part of it.
  private void keepState() {
    if (progress.step() == 0) {
      return;
    }
    if (step.isHalfTaken()) {
      events.on(
          new TrainingEvent.Warning(
              "step %s was half taken, so there is no state to keep; %s"
                  .formatted(progress.step() + 1, saver.howToGoOn())));
    } else if (saver.tryFinish(progress)) {
      events.on(
          new TrainingEvent.Note(
              "the state after step %s is kept; go on from it with: %s"
                  .formatted(progress.step(), ResumedRun.command(config.get(Settings.RUN)))));
    }
  }

  private void stopIfAsked() throws IOException {
    boolean timeIsOver =
        longestStep > 0
            && ends.deadline().isPresent()
            && System.nanoTime() + longestStep * 1e9 > ends.deadline().get();
    if (!ends.request().isMade() && !timeIsOver) {
      return;
    }
    if (progress.step() == 0) {
      throw StoppedException.beforeTheFirstStep();
    }
    saver.finish(progress);
    String why =
        ends.request().isMade()
            ? "stopped"
            : "the time of %s is over"
                .formatted(RunPolicy.text(config.find(Settings.MAX_TIME).orElse(Duration.ZERO)));
    throw StoppedException.after(why, progress.step(), steps, config.get(Settings.RUN));
  }

  private void step(int number, double rate) throws IOException {
    base.checkUnchanged();
    TrainingEvent.StepDone done;
    try {
      done = takeStep(number, rate);
    } catch (UnusableStepException e) {
      step.discard();
      leaveOut(number, e);
      return;
    }
    longestStep = Math.max(longestStep, done.seconds());
    progress.taken(done);
    events.on(done);
  }

  private TrainingEvent.StepDone takeStep(int number, double rate) {
    FlightEvents.StepEvent flight = new FlightEvents.StepEvent();
    flight.begin();
    long start = System.nanoTime();
    TrainingStep.StepOutcome outcome =
        step.run(number, plan.step(number), rate, new LoopWatch(number));
    TrainingEvent.StepDone done =
        new TrainingEvent.StepDone(
            number,
            steps,
            plan.epochsAfter(number),
            outcome.loss(),
            rate,
            outcome.gradientNorm(),
            outcome.targetTokens(),
            outcome.tokens(),
            secondsSince(start),
            outcome.divergence(),
            outcome.figures());
    flight.taken(done);
    return done;
  }

  private final class LoopWatch implements TrainingStep.Watch {
    private final int number;

    LoopWatch(int number) {
      this.number = number;
    }

    /// Once asked to stop, the state before the step is saved while the step is finished: whoever
    /// has no patience and kills the process then loses nothing but this step.
    @Override
    public void afterBatch() {
      if (ends.request().isMade() && !savedAtStop && progress.step() > 0) {
        savedAtStop = true;
        saver.trySave(progress);
      }
    }

    @Override
    public void beforeUpdate(TrainingStep.StepOutcome outcome, List<MicroBatch> batches) {
      if (number == IdlePairs.STEP) {
        lookForIdlePairs();
      }
      progress.spread().check(number, outcome.loss(), outcome.gradientNorm(), batches);
    }
  }

  private void lookForIdlePairs() {
    IdlePairs idle = new IdlePairs(step.model().lora());
    if (!config.get(Settings.ALLOW_IDLE)) {
      idle.requireNone();
    }
    idle.expertsInWords().ifPresent(words -> events.on(new TrainingEvent.Note(words)));
  }

  private void leaveOut(int number, UnusableStepException problem) throws IOException {
    if (config.get(Settings.ON_NAN) == RunPolicy.OnNan.STOP) {
      throw problem;
    }
    progress.skipped(number);
    if (progress.skippedInARow() >= MOST_SKIPPED) {
      throw NonFiniteException.again(problem, MOST_SKIPPED);
    }
    OptionalInt back = OptionalInt.empty();
    if (config.get(Settings.ON_NAN) == RunPolicy.OnNan.ROLLBACK) {
      back = OptionalInt.of(rollBack(problem));
    }
    events.on(
        new TrainingEvent.StepSkipped(
            number,
            steps,
            plan.epochsAfter(number),
            problem.kind(),
            String.valueOf(problem.getMessage()),
            progress.skippedSteps(),
            back));
  }

  /// @return the step whose state was taken back
  private int rollBack(UnusableStepException problem) throws IOException {
    int state = saver.rollBack();
    rollbacks = state == rolledBackTo ? rollbacks + 1 : 1;
    rolledBackTo = state;
    if (rollbacks > MOST_SKIPPED) {
      throw NonFiniteException.inVain(problem, state, MOST_SKIPPED);
    }
    return state;
  }

  /// Before the first step, after the last, and as often between as the configuration says.
  private void validateIfDue() throws IOException {
    int done = progress.step();
    boolean regular = done % config.find(Settings.EVALUATE_EVERY).orElse(steps) == 0;
    boolean due = done == 0 || done == steps || regular;
    if (due && validation.isPresent() && progress.evaluatedStep() < done) {
      validate(done, validation.get());
    }
    if (due && samples.isPresent()) {
      samples.get().answer(done, () -> step.model().lora().toAdapter()).ifPresent(events::on);
    }
  }

  private void validate(int number, DataSet rows) throws IOException {
    base.checkUnchanged();
    FlightEvents.ValidationEvent flight = new FlightEvents.ValidationEvent();
    flight.begin();
    long start = System.nanoTime();
    step.model().foldAdapter();
    List<MicroBatch> batches = rows.batches(config.get(Settings.BATCH_SIZE));
    Goal.Round round = measured.begin(step.model(), batches);
    for (int i = 0; i < batches.size(); i++) {
      stopIfAsked();
      MicroBatch batch = batches.get(i);
      float[] losses = round.losses(step.model(), batch);
      if (!Double.isFinite(batch.loss(losses))) {
        String where = step.model().firstNonFinite(batch.tokens(), OptionalLong.empty());
        throw NonFiniteException.inValidation(number, where, List.of(batch));
      }
      round.add(batch, losses);
      events.on(new TrainingEvent.Progress("validation", i + 1, batches.size()));
    }
    Goal.GoalResult result = round.result();
    TrainingEvent.Evaluated evaluated =
        new TrainingEvent.Evaluated(
            number,
            plan.epochsAfter(number),
            result.loss(),
            rows.targets(),
            secondsSince(start),
            result.figures());
    flight.measured(evaluated);
    events.on(evaluated);
    progress.evaluated(result.loss(), number > 0 && passes(number));
  }

  /// Whether the adapter may be the best: always, where nobody judges.
  private boolean passes(int number) throws IOException {
    if (ends.judge().isEmpty()) {
      return true;
    }
    stopIfAsked();
    LoraAdapter adapter = step.model().lora().toAdapter();
    return ends.judge().get().passes(new Judge.Candidate(number, adapter, config, chatTemplate));
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /// Checks the parameters after the last step, which no loss has shown yet.
  private void requireFinite(LoraAdapter adapter) {
    for (LoraPair pair : adapter.pairs()) {
      if (!pair.matrices().stream().allMatch(m -> NonFiniteException.allFinite(m.values()))) {
        throw NonFiniteException.inParameters(steps, pair.baseTensor());
      }
    }
  }
}
