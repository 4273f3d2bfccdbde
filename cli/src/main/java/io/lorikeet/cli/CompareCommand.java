package io.lorikeet.cli;

import io.lorikeet.finetune.report.ComparisonPage;
import io.lorikeet.finetune.report.RunEntry;
import io.lorikeet.finetune.text.BrailleChart;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet compare`.
@Command(
    name = "compare",
    description = "Compare runs: the settings that differ, and their curves of the training loss.")
@Inputs(value = "--run", needed = 1)
final class CompareCommand extends WritingCommand {
  private static final int CHART_ROWS = 6;
  private static final int USUAL_COLUMNS = 80;
  private static final int AXIS_COLUMNS = 11;

  @Option(names = "--run", paramLabel = "RUN", description = "a run's folder; once for each run")
  private List<Path> folders = List.of();

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "write the comparison as an HTML page, too")
  private Optional<Path> output = Optional.empty();

  @Option(names = "--force", description = "replace an output that exists")
  private boolean force;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  OutputPlan files() {
    OutputPlan plan = new OutputPlan();
    folders.forEach(folder -> plan.reads("--run", folder));
    output.ifPresent(file -> plan.writes("--output", file));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    if (folders.size() < 2) {
      throw new ParameterException(
          spec.commandLine(), "give the folders of two runs or more, not of " + folders.size());
    }
    List<RunEntry> runs = new ArrayList<>();
    for (Path folder : folders) {
      runs.add(RunEntry.read(folder));
    }
    ComparisonPage page = new ComparisonPage(runs);
    PrintWriter out = spec.commandLine().getOut();
    if (output.isPresent()) {
      page.write(output.get());
    }
    if (json) {
      out.println(JsonText.of(json(page)));
      return 0;
    }
    settings(page).forEach(out::println);
    curves(runs).forEach(out::println);
    output.ifPresent(file -> out.println("page: " + file));
    return 0;
  }

  private static Map<String, Object> json(ComparisonPage page) {
    List<Map<String, Object>> runs = new ArrayList<>();
    for (RunEntry run : page.runs()) {
      Map<String, Object> values = RunsCommand.json(run);
      values.put("smoothed_losses", ComparisonPage.smoothedLoss(run));
      runs.add(values);
    }
    return Map.of("differences", page.differences(), "runs", runs);
  }

  private static List<String> settings(ComparisonPage page) {
    List<String> headings = new ArrayList<>(List.of(""));
    headings.addAll(page.names());
    TableText table = new TableText(headings);
    for (Map.Entry<String, List<String>> row : page.differences().entrySet()) {
      List<String> cells = new ArrayList<>(List.of(row.getKey()));
      cells.addAll(row.getValue());
      table.row(cells);
    }
    return table.lines();
  }

  /// A chart for each run, all over the same range of losses.
  private List<String> curves(List<RunEntry> runs) {
    double[] all =
        runs.stream()
            .flatMapToDouble(run -> DoubleStream.of(ComparisonPage.smoothedLoss(run)))
            .filter(Double::isFinite)
            .toArray();
    List<String> lines = new ArrayList<>();
    if (all.length == 0) {
      return lines;
    }
    int width = Main.of(spec).screen().width().orElse(USUAL_COLUMNS) - AXIS_COLUMNS;
    BrailleChart chart =
        new BrailleChart(
            Math.max(10, width),
            CHART_ROWS,
            DoubleStream.of(all).min().orElseThrow(),
            DoubleStream.of(all).max().orElseThrow());
    for (RunEntry run : runs) {
      lines.add("training loss, smoothed: " + run.name());
      lines.addAll(chart.lines(ComparisonPage.smoothedLoss(run)));
    }
    return lines;
  }
}
