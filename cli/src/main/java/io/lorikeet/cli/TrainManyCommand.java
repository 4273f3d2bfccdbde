package io.lorikeet.cli;

import io.lorikeet.export.Verification;
import io.lorikeet.finetune.tasks.TaskOutcome;
import io.lorikeet.finetune.tasks.TaskPlan;
import io.lorikeet.finetune.tasks.TaskRuns;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.parallel.Machines;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/// `lorikeet train-many`.
@Command(
    name = "train-many",
    description = {
      "Train an adapter for each of many tasks on one base, here or on a cluster.",
      "The same command goes on with tasks that have no adapter yet. docs/cluster.md has an example of the file."
    },
    modelTransformer = TrainManyCommand.WithCluster.class)
final class TrainManyCommand implements Callable<Integer> {
  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      required = true,
      description = "YAML file with folder, train, tasks and retries")
  private Path config;

  /// Adds the flags that name a cluster.
  static final class WithCluster implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec command) {
      ClusterFlags.add(command);
      return command;
    }
  }

  @Override
  public Integer call() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    long start = System.nanoTime();
    List<TaskOutcome> outcomes;
    StopRequest stop = new StopRequest();
    Optional<Machines> machines = ClusterFlags.machines(spec.commandLine().getParseResult());
    try (Machines _ = machines.orElse(null)) {
      TaskPlan plan = TaskPlan.read(config);
      line.sentence("%s tasks, in %s".formatted(Words.count(plan.tasks().size()), plan.folder()));
      if (machines.isEmpty()) { // a cluster's driver has nothing to finish first
        main.interruption().onArrival(stop::make);
      }
      outcomes = new TaskRuns(plan, stop, TrainingProgress.ofOneOfMany(line)).run(machines);
    } finally {
      main.interruption().leaveAtOnce();
      line.clear();
    }
    table(outcomes).forEach(line::println);
    long trained = outcomes.stream().filter(task -> task.verdict().isPresent()).count();
    double minutes = (System.nanoTime() - start) / 60e9;
    line.sentence(
        String.format(
            Locale.ROOT, "%s adapters trained, %.1f a minute", trained, trained / minutes));
    boolean failed =
        outcomes.stream()
            .anyMatch(
                task ->
                    task.problem().isPresent()
                        || task.verdict().equals(Optional.of(Verification.Verdict.FAILED)));
    return failed ? Failure.FAILED : 0;
  }

  private static List<String> table(List<TaskOutcome> outcomes) {
    TableText table =
        new TableText(List.of("task", "tries", "steps", "loss", "seconds", "machine", "proof"));
    for (TaskOutcome task : outcomes) {
      List<String> row = new ArrayList<>(List.of(task.name(), Integer.toString(task.tries())));
      row.add(Words.count(task.steps()));
      row.add(task.loss().isPresent() ? Words.loss(task.loss().getAsDouble()) : "");
      row.add(String.format(Locale.ROOT, "%.1f", task.seconds()));
      row.add(task.machine().orElse(""));
      row.add(proof(task));
      table.row(row);
    }
    return table.lines();
  }

  private static String proof(TaskOutcome task) {
    if (task.problem().isPresent()) {
      return "no adapter: " + task.problem().get().lines().findFirst().orElse("");
    }
    return task.verdict()
        .map(verdict -> verdict.name().toLowerCase(Locale.ROOT))
        .orElse("the adapter was there");
  }
}
