package io.lorikeet.finetune.report;

import io.lorikeet.quant.AtomicFile;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/// Several runs side by side: the settings that differ, what came of them, and their curves.
///
/// @param runs two or more
public record ComparisonPage(List<RunEntry> runs) {

  /// The runs' names.
  public List<String> names() {
    return runs.stream().map(RunEntry::name).toList();
  }

  /// The settings that aren't alike, and the results, each with a value for every run.
  public Map<String, List<String>> differences() {
    Map<String, List<String>> rows = new LinkedHashMap<>();
    for (Setting<?> setting : Settings.all()) {
      List<String> values =
          runs.stream()
              .map(run -> setting.written(run.config()).map(String::valueOf).orElse("–"))
              .toList();
      if (values.stream().distinct().count() > 1) {
        rows.put(setting.key(), values);
      }
    }
    rows.put("state", each(run -> run.state().name().toLowerCase(Locale.ROOT)));
    rows.put("steps done", each(run -> Integer.toString(run.metrics().lastStep())));
    rows.put(
        "last training loss",
        each(
            run ->
                run.metrics().steps().isEmpty()
                    ? "–"
                    : LineChart.number(run.metrics().lastLoss())));
    rows.put(
        "lowest validation loss", each(run -> LineChart.number(run.bestLoss().orElse(Double.NaN))));
    rows.put("tokens/s", each(run -> Long.toString(Math.round(run.tokensPerSecond()))));
    return rows;
  }

  private List<String> each(Function<RunEntry, String> value) {
    return runs.stream().map(value).toList();
  }

  /// A run's training loss at each step, smoothed.
  public static double[] smoothedLoss(RunEntry run) {
    return Curve.smoothed(
        run.metrics().steps().stream().mapToDouble(RunMetrics.Step::loss).toArray());
  }

  /// Writes the page.
  public void write(Path page) throws IOException {
    try (AtomicFile file = AtomicFile.create(page)) {
      Files.writeString(file.path(), html());
      file.commit();
    }
  }

  private String html() throws IOException {
    List<String> headings = new ArrayList<>(List.of(""));
    headings.addAll(names());
    List<List<String>> rows = new ArrayList<>();
    differences()
        .forEach(
            (name, values) -> {
              List<String> row = new ArrayList<>(List.of(name));
              row.addAll(values);
              rows.add(row);
            });
    String body =
        "<h2>What differs</h2>\n"
            + Html.table(headings, rows)
            + "<h2>Curves</h2>\n"
            + LineChart.ofLines("Training loss, smoothed (nats per token)", curves()).html();
    return Html.page("Comparison of runs", body);
  }

  private List<Curve> curves() {
    return runs.stream()
        .map(
            run ->
                Curve.of(
                    run.name(),
                    run.metrics().steps().stream().mapToDouble(RunMetrics.Step::number).toArray(),
                    smoothedLoss(run)))
        .toList();
  }
}
