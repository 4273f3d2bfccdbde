package io.lorikeet.finetune.report;

import io.lorikeet.train.run.RunMetrics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// The numbers of runs as a table with commas (RFC 4180), for spreadsheets: a row for each step and
/// each validation. A cell that a row doesn't have is empty.
public final class MetricsCsv {
  private static final String HEADERS =
      "run,step,epoch,loss,validation_loss,learning_rate,grad_norm,target_tokens,tokens,seconds";

  private MetricsCsv() {}

  /// The lines of all runs, the headers first. A validation stands after the step that it followed.
  public static List<String> lines(List<RunEntry> runs) {
    List<String> lines = new ArrayList<>(List.of(HEADERS));
    runs.forEach(run -> add(lines, run));
    return lines;
  }

  private static void add(List<String> lines, RunEntry run) {
    String name = run.run().toString();
    List<RunMetrics.Validation> validations = run.metrics().validations();
    int next = 0;
    for (RunMetrics.Step step : run.metrics().steps()) {
      for (; next < validations.size() && validations.get(next).step() < step.number(); next++) {
        lines.add(row(name, validations.get(next)));
      }
      lines.add(
          row(
              name,
              step.number(),
              step.epoch(),
              step.loss(),
              "",
              step.learningRate(),
              step.gradientNorm(),
              step.targets(),
              step.tokens(),
              step.seconds()));
    }
    validations.subList(next, validations.size()).forEach(each -> lines.add(row(name, each)));
  }

  private static String row(String run, RunMetrics.Validation validation) {
    return row(
        run, validation.step(), "", "", validation.loss(), "", "", "", "", validation.seconds());
  }

  private static String row(Object... cells) {
    return Arrays.stream(cells).map(MetricsCsv::cell).collect(Collectors.joining(","));
  }

  private static String cell(Object value) {
    String text = String.valueOf(value);
    return text.matches("[^,\"\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
  }
}
