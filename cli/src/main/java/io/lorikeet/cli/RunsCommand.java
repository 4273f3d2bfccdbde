package io.lorikeet.cli;

import io.lorikeet.finetune.report.MetricsCsv;
import io.lorikeet.finetune.report.RunEntry;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet runs`.
@Command(
    name = "runs",
    description =
        "List the runs in a folder: state, steps, losses, speed. compare shows two of them.")
@Inputs(value = "--folder", needed = 0)
final class RunsCommand implements Callable<Integer> {
  private static final List<String> HEADINGS =
      List.of("run", "state", "base", "steps", "loss", "best validation", "tokens/s", "begun");

  @Spec private CommandSpec spec;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description = "where runs are looked for, up to four folders deep (default: this one)")
  private Path folder = Path.of("");

  @Option(
      names = "--sort",
      paramLabel = "name|begun|loss|speed",
      description = "order; loss is the lowest validation loss (default: name)")
  private Order order = Order.NAME;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Option(names = "--csv", description = "print the numbers of all steps of all runs as CSV")
  private boolean csv;

  /// The orders of the list.
  private enum Order {
    NAME(Comparator.comparing(RunEntry::run)),
    BEGUN(Comparator.comparing(RunEntry::begun)),
    LOSS(Comparator.comparingDouble(entry -> entry.bestLoss().orElse(Double.MAX_VALUE))),
    SPEED(Comparator.comparingDouble(RunEntry::tokensPerSecond).reversed());

    private final Comparator<RunEntry> comparator;

    Order(Comparator<RunEntry> comparator) {
      this.comparator = comparator;
    }
  }

  @Override
  public Integer call() throws IOException {
    if (json && csv) {
      throw new ParameterException(spec.commandLine(), "give either --json or --csv");
    }
    List<RunEntry> runs = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path run : RunEntry.find(folder)) {
      try {
        runs.add(RunEntry.read(run));
      } catch (InvalidInputException e) {
        problems.add("warning: left out " + run + ": " + e.getMessage());
      }
    }
    runs.sort(order.comparator);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonText.of(runs.stream().map(RunsCommand::json).toList()));
    } else if (csv) {
      MetricsCsv.lines(runs).forEach(out::println);
    } else if (runs.isEmpty()) {
      out.println("there are no runs in " + folder.toAbsolutePath());
    } else {
      table(runs).forEach(out::println);
    }
    problems.forEach(spec.commandLine().getErr()::println);
    return 0;
  }

  /// Without the columns of names and notes where no run has any.
  private static List<String> table(List<RunEntry> runs) {
    boolean names = runs.stream().anyMatch(run -> run.config().find(Settings.NAME).isPresent());
    boolean notes = runs.stream().anyMatch(run -> !run.note().isEmpty());
    List<String> headings = new ArrayList<>(HEADINGS);
    if (names) {
      headings.addFirst("name");
    }
    if (notes) {
      headings.add("note");
    }
    TableText table = new TableText(headings);
    for (RunEntry run : runs) {
      List<String> row = new ArrayList<>(row(run));
      if (names) {
        row.addFirst(run.config().find(Settings.NAME).orElse(""));
      }
      if (notes) {
        row.add(run.note());
      }
      table.row(row);
    }
    return table.lines();
  }

  private static List<String> row(RunEntry run) {
    return List.of(
        run.run().toString(),
        run.state().name().toLowerCase(Locale.ROOT),
        run.base(),
        Words.count(run.metrics().lastStep()) + "/" + Words.count(run.steps()),
        run.metrics().steps().isEmpty() ? "" : loss(run.metrics().lastLoss()),
        run.bestLoss().isPresent() ? loss(run.bestLoss().getAsDouble()) : "",
        Words.count(Math.round(run.tokensPerSecond())),
        run.begun().replace('T', ' '));
  }

  private static String loss(double loss) {
    return String.format(Locale.ROOT, "%.4f", loss);
  }

  /// A run for programs.
  static Map<String, Object> json(RunEntry run) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("run", run.run().toString());
    values.put("state", run.state().name().toLowerCase(Locale.ROOT));
    values.put("begun", run.begun());
    values.put("steps_done", run.metrics().lastStep());
    values.put("steps", run.steps());
    if (!run.metrics().steps().isEmpty()) {
      values.put("loss", run.metrics().lastLoss());
    }
    OptionalDouble best = run.bestLoss();
    best.ifPresent(loss -> values.put("best_validation_loss", loss));
    values.put("tokens_per_second", run.tokensPerSecond());
    values.put("settings", run.config().settings());
    return values;
  }
}
