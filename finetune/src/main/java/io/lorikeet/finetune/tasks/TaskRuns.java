package io.lorikeet.finetune.tasks;

import io.lorikeet.export.Verification;
import io.lorikeet.finetune.FineTuned;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.finetune.Problem;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LockFile;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.parallel.MachineTask;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// Trains the tasks of a plan. A task that fails is tried again, and doesn't keep the others from
/// their adapters. A task whose adapter is there is left as it is, so the same plan goes on where
/// it was stopped.
public final class TaskRuns {
  private static final String LOCK = "tasks.lock";

  private final TaskPlan plan;
  private final StopRequest stop;
  private final TrainingListener listener;
  private final Map<String, TaskOutcome> outcomes = new LinkedHashMap<>();

  /// @param stop asks it to stop; what is done by then is kept
  /// @param listener told of each task that is done or failed, as notes and warnings
  public TaskRuns(TaskPlan plan, StopRequest stop, TrainingListener listener) {
    this.plan = plan;
    this.stop = stop;
    this.listener = listener;
  }

  /// Trains.
  ///
  /// @param machines where; in this process, one after the other, where there are none
  /// @return the end of each task, in the plan's order
  /// @throws StoppedException when it was asked to stop
  /// @throws InvalidInputException when another process works in the folder
  public List<TaskOutcome> run(Optional<Machines> machines) throws IOException {
    Files.createDirectories(plan.folder());
    Path model = plan.tasks().getFirst().config().get(Settings.MODEL);
    try (LockFile _ =
            LockFile.tryTake(plan.folder().resolve(LOCK))
                .orElseThrow(
                    () ->
                        new InvalidInputException(
                            "another process trains tasks in %s; choose another folder"
                                .formatted(plan.folder())));
        GgufFile base = GgufFile.open(model)) {
      for (TaskPlan.Task task : plan.tasks()) {
        if (Files.exists(task.config().get(Settings.OUTPUT))) {
          outcomes.put(task.name(), TaskOutcome.there(task.name()));
        }
      }
      if (machines.isPresent()) {
        across(machines.get(), base);
      } else {
        here(base);
      }
    }
    return plan.tasks().stream().map(task -> outcomes.get(task.name())).toList();
  }

  private List<TaskPlan.Task> left() {
    return plan.tasks().stream().filter(task -> !outcomes.containsKey(task.name())).toList();
  }

  private void here(GgufFile base) throws IOException {
    for (TaskPlan.Task task : left()) {
      TaskOutcome outcome = null;
      for (int tries = 1; outcome == null; tries++) {
        if (stop.isMade()) {
          throw StoppedException.saying("stopped; the same command goes on with the tasks");
        }
        outcome = attempt(base, task, tries);
      }
      settle(outcome);
    }
  }

  /// @return null where it is to be tried again
  private @Nullable TaskOutcome attempt(GgufFile base, TaskPlan.Task task, int tries)
      throws IOException {
    try {
      return trained(task.name(), tries, train(base, task.config()));
    } catch (StoppedException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      Problem problem = Problem.of(e);
      if (problem.kind() != Problem.Category.BAD_INPUT && tries <= plan.retries()) {
        listener.on(again(task.name(), problem.message()));
        return null;
      }
      return failed(task.name(), tries, Optional.empty(), problem.message());
    }
  }

  private FineTuned train(GgufFile base, TrainingConfig config) throws IOException {
    FineTuning tuning = new FineTuning(this::forward).on(base).stopOn(stop);
    Path run = config.get(Settings.RUN);
    return Files.exists(run.resolve(RunFiles.CONFIG))
        ? tuning.resume(run, new TrainingOptions(), false)
        : tuning.run(config, false);
  }

  /// Steps and warnings of a run; its notes are the same for all.
  private void forward(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.StepDone _, TrainingEvent.Warning _, TrainingEvent.Progress _ ->
          listener.on(event);
      default -> {}
    }
  }

  private void across(Machines machines, GgufFile base) throws IOException {
    for (int tries = 1; tries <= plan.retries() + 1 && !left().isEmpty(); tries++) {
      List<TaskPlan.Task> tasks = left();
      int threads = tasks.getFirst().config().get(Settings.THREADS);
      List<MachineTask<TaskTraining.Answer>> works = new ArrayList<>();
      for (TaskPlan.Task task : tasks) {
        works.add(TaskTraining.of(task.config(), base.hash()));
      }
      int attempt = tries;
      machines.each(
          works, threads, listener, (place, answer) -> take(tasks.get(place), attempt, answer));
    }
  }

  private void take(TaskPlan.Task task, int tries, TaskTraining.Answer answer) {
    Optional<String> machine = Optional.of(answer.machine());
    String problem = answer.problem();
    if (problem == null) {
      try {
        keep(task.config(), answer);
        settle(
            new TaskOutcome(
                task.name(),
                tries,
                answer.steps(),
                loss(answer.loss()),
                answer.seconds(),
                Optional.ofNullable(answer.verdict()),
                machine,
                Optional.empty()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    } else if (!answer.lasting() && tries <= plan.retries()) {
      listener.on(again(task.name(), problem));
    } else {
      settle(failed(task.name(), tries, machine, problem));
    }
  }

  /// The adapter comes last: with it, the task is done.
  private static void keep(TrainingConfig config, TaskTraining.Answer answer) throws IOException {
    Path run = config.get(Settings.RUN);
    Files.createDirectories(run);
    for (Map.Entry<String, byte[]> file : answer.files().entrySet()) {
      write(run.resolve(file.getKey()), file.getValue());
    }
    write(config.get(Settings.OUTPUT), answer.adapter());
  }

  private static void write(Path target, byte[] bytes) throws IOException {
    try (AtomicFile file = AtomicFile.create(target)) {
      Files.write(file.path(), bytes);
      file.commit();
    }
  }

  private static TaskOutcome trained(String name, int tries, FineTuned done) {
    TrainingResult result = done.training();
    return new TaskOutcome(
        name,
        tries,
        result.steps(),
        loss(result.validationAfter().orElse(result.finalLoss())),
        result.seconds(),
        done.verification().map(Verification::verdict),
        Optional.empty(),
        Optional.empty());
  }

  private static TaskOutcome failed(
      String name, int tries, Optional<String> machine, String problem) {
    return new TaskOutcome(
        name, tries, 0, OptionalDouble.empty(), 0, Optional.empty(), machine, Optional.of(problem));
  }

  private static OptionalDouble loss(double value) {
    return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static TrainingEvent again(String name, String problem) {
    return new TrainingEvent.Warning("%s is tried again: %s".formatted(name, problem));
  }

  private void settle(TaskOutcome outcome) {
    outcomes.put(outcome.name(), outcome);
    String count = "%s of %s".formatted(outcomes.size(), plan.tasks().size());
    listener.on(
        outcome.problem().isPresent()
            ? new TrainingEvent.Warning(
                "%s: %s failed: %s".formatted(count, outcome.name(), outcome.problem().get()))
            : new TrainingEvent.Note("%s: %s is trained".formatted(count, outcome.name())));
  }
}
