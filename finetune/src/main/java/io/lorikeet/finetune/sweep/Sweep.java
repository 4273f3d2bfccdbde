package io.lorikeet.finetune.sweep;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.finetune.report.ComparisonPage;
import io.lorikeet.finetune.report.RunEntry;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LockFile;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/// Trains the runs of a plan one after the other, round by round, and drops the worse half after
/// each round, by the validation loss at its end. A run whose numbers go wrong is dropped, too.
/// Where the process ends in between, the same plan goes on: each run continues exactly, so the
/// decisions are the same.
public final class Sweep {
  /// The page that compares the runs, in the sweep's folder.
  public static final String PAGE = "comparison.html";

  private static final String LOCK = "sweep.lock";
  private static final int MOST_COMPARED = 8;

  private final SweepPlan plan;
  private final StopRequest stop;
  private final TrainingListener listener;
  private final double[] losses;
  private final int[] rounds;

  /// @param stop asks it to stop; what is done by then is kept
  /// @param listener told of steps and warnings of the runs, and of what is decided, as notes
  public Sweep(SweepPlan plan, StopRequest stop, TrainingListener listener) {
    this.plan = plan;
    this.stop = stop;
    this.listener = listener;
    int runs = plan.choices().size();
    losses = new double[runs];
    rounds = new int[runs];
    Arrays.fill(losses, Double.NaN);
  }

  /// A run's place in the sweep.
  ///
  /// @param run from 0
  /// @param round the last round that it was in, from 1
  /// @param step steps that it was trained
  /// @param loss the validation loss after them; NaN where its numbers went wrong
  public record SweptRun(int run, Map<String, Object> choice, int round, int step, double loss) {}

  /// The sweep is over.
  ///
  /// @param entries the best first
  public record SweepResult(List<SweptRun> entries, TrainingConfig best) {}

  /// Trains.
  ///
  /// @throws StoppedException when it was asked to stop
  /// @throws InvalidInputException when a run can't begin, the folder holds another sweep, or
  ///     another process sweeps in it
  public SweepResult run() throws IOException {
    Files.createDirectories(plan.folder());
    try (LockFile _ =
            LockFile.tryTake(plan.folder().resolve(LOCK))
                .orElseThrow(
                    () ->
                        new InvalidInputException(
                            "another sweep works in %s; choose another folder"
                                .formatted(plan.folder())));
        GgufFile base = GgufFile.open(plan.configs().getFirst().get(Settings.MODEL))) {
      return run(SweepLog.open(plan.folder()), base);
    }
  }

  private SweepResult run(SweepLog log, GgufFile base) throws IOException {
    log.decide(plan.described());
    List<Integer> left = IntStream.range(0, plan.choices().size()).boxed().toList();
    for (int round = 0; round < plan.ends().length; round++) {
      for (int run : left) {
        measure(log, base, run, round);
      }
      left = left.stream().sorted(order()).limit(Math.max(1, left.size() / 2)).toList();
      if (Double.isNaN(losses[left.getFirst()])) {
        throw new InvalidInputException(
            "the numbers of all runs went wrong in round %s; try lower learning rates"
                .formatted(round + 1));
      }
      List<String> names = left.stream().map(SweepPlan::name).toList();
      log.decide(line("round", round + 1, "kept", names));
      tell(
          "round %s of %s: kept %s"
              .formatted(round + 1, plan.ends().length, String.join(", ", names)));
    }
    List<SweptRun> entries = entries();
    compare(entries);
    return new SweepResult(entries, plan.configs().get(left.getFirst()));
  }

  /// The better first; runs whose numbers went wrong last.
  private Comparator<Integer> order() {
    return Comparator.<Integer>comparingDouble(run -> losses[run]).thenComparingInt(run -> run);
  }

  private void measure(SweepLog log, GgufFile base, int run, int round) throws IOException {
    int end = plan.ends()[round];
    boolean last = round == plan.ends().length - 1;
    rounds[run] = round + 1;
    Optional<JsonNode> noted = log.next();
    if (noted.isPresent()) {
      JsonNode line = noted.get();
      if (!line.path("run").asText().equals(SweepPlan.name(run))
          || line.path("step").asInt() != end) {
        throw new InvalidInputException(
            "%s in %s doesn't fit this sweep: it has %s where %s after step %s is expected"
                .formatted(SweepLog.NAME, plan.folder(), line, SweepPlan.name(run), end));
      }
      losses[run] = line.path("loss").asDouble(Double.NaN);
      if (!last) {
        return;
      }
    }
    if (stop.isMade()) {
      throw stopped();
    }
    tell(
        "round %s of %s, to step %s: %s %s"
            .formatted(
                round + 1, plan.ends().length, end, SweepPlan.name(run), plan.choices().get(run)));
    losses[run] = train(base, plan.configs().get(run), end, last);
    if (noted.isEmpty()) {
      log.add(line("run", SweepPlan.name(run), "step", end, "loss", losses[run]));
    }
  }

  private static StoppedException stopped() {
    return StoppedException.saying("stopped; the same command goes on with the sweep");
  }

  /// @return the validation loss after a step, NaN where the run's numbers went wrong
  private double train(GgufFile base, TrainingConfig config, int end, boolean last)
      throws IOException {
    Path run = config.get(Settings.RUN);
    OptionalDouble before = measured(run, end);
    if (before.isPresent() && !last) {
      return before.getAsDouble(); // the process ended before it was noted
    }
    StopRequest atEnd = new StopRequest();
    TrainingListener watching =
        event -> {
          forward(event);
          boolean there =
              !last && event instanceof TrainingEvent.Evaluated done && done.step() == end;
          if (there || stop.isMade()) {
            atEnd.make();
          }
        };
    FineTuning tuning = new FineTuning(watching).on(base).stopOn(atEnd);
    try {
      if (Files.exists(run.resolve(RunFiles.CONFIG))) {
        tuning.resume(run, new TrainingOptions(), false);
      } else {
        tuning.run(config, false);
      }
    } catch (StoppedException _) {
      if (last || measured(run, end).isEmpty()) {
        throw stopped();
      }
    } catch (UnusableStepException e) {
      listener.on(new TrainingEvent.Warning(String.valueOf(e.getMessage())));
      return Double.NaN;
    }
    return measured(run, end).orElse(Double.NaN);
  }

  /// Steps and warnings of a run; its notes are the same for all.
  private void forward(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.StepDone _, TrainingEvent.Warning _, TrainingEvent.Progress _ ->
          listener.on(event);
      default -> {}
    }
  }

  private void tell(String note) {
    listener.on(new TrainingEvent.Note(note));
  }

  private static OptionalDouble measured(Path run, int step) throws IOException {
    if (!Files.exists(run.resolve(RunFiles.METRICS))) {
      return OptionalDouble.empty();
    }
    return RunMetrics.read(run).validations().stream()
        .filter(validation -> validation.step() == step)
        .mapToDouble(RunMetrics.Validation::loss)
        .findFirst();
  }

  private static Map<String, Object> line(Object... keysAndValues) {
    Map<String, Object> line = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      line.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return line;
  }

  private List<SweptRun> entries() {
    return IntStream.range(0, rounds.length)
        .boxed()
        .sorted(
            Comparator.<Integer>comparingInt(run -> rounds[run]).reversed().thenComparing(order()))
        .map(
            run ->
                new SweptRun(
                    run,
                    plan.choices().get(run),
                    rounds[run],
                    plan.ends()[rounds[run] - 1],
                    losses[run]))
        .toList();
  }

  /// Of the best ones: curves of many can't be told apart.
  private void compare(List<SweptRun> entries) throws IOException {
    List<RunEntry> runs = new ArrayList<>();
    for (SweptRun entry : entries.subList(0, Math.min(MOST_COMPARED, entries.size()))) {
      runs.add(RunEntry.read(plan.configs().get(entry.run()).get(Settings.RUN)));
    }
    new ComparisonPage(runs).write(plan.folder().resolve(PAGE));
  }
}
