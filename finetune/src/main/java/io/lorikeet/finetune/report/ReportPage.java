package io.lorikeet.finetune.report;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.PathParts;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.run.MetricsReader;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.sample.SampleFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The report of a run as one HTML file, whose style and script are in it.
public final class ReportPage {
  private final Path run;
  private final RunState state;
  private final TrainingConfig config;
  private final Optional<RunSummary> summary;
  private final RunMetrics metrics;
  private final List<TrainingEvent.Sampled> samples;
  private final StepSeries steps;

  private ReportPage(RunEntry entry, RunState state) throws IOException {
    this.state = state;
    samples = SampleFile.read(entry.run());
    run = entry.run();
    config = entry.config();
    summary = entry.summary();
    metrics = entry.metrics();
    steps = StepSeries.of(metrics.steps());
  }

  /// Reads a run, which may be going on in another process.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when it holds no run, or a file in it isn't a run's
  public static ReportPage of(Path run) throws IOException {
    return of(run, new MetricsReader(run));
  }

  /// Reads a run that was read before.
  ///
  /// @param reader of its numbers
  static ReportPage of(Path run, MetricsReader reader) throws IOException {
    RunEntry entry = RunEntry.read(run, reader);
    return new ReportPage(entry, entry.state());
  }

  /// Reads a run whose state is known.
  static ReportPage of(Path run, RunState state, MetricsReader reader) throws IOException {
    return new ReportPage(RunEntry.read(run, reader), state);
  }

  /// Writes the page into the run's folder.
  ///
  /// @return the page's file
  public Path write() throws IOException {
    Path page = run.resolve(RunFiles.REPORT);
    try (AtomicFile file = AtomicFile.create(page)) {
      Files.writeString(file.path(), html());
      file.commit();
    }
    return page;
  }

  /// The page.
  public String html() throws IOException {
    return Html.page(title(), body());
  }

  /// The name that the run was given, or else its folder's.
  String title() {
    return config.find(Settings.NAME).orElseGet(() -> PathParts.name(run.toAbsolutePath()));
  }

  /// All that changes while the run goes on.
  public String body() {
    StringBuilder body = new StringBuilder("<main>\n");
    body.append(Html.pairs(overview()));
    body.append("<h2>Curves</h2>\n").append(curves());
    if (!samples.isEmpty()) {
      body.append("<h2>Answers while training</h2>\n").append(SampleTable.html(samples));
    }
    summary.flatMap(s -> Optional.ofNullable(s.proof())).ifPresent(p -> body.append(proof(p)));
    summary.ifPresent(s -> s.verdicts().forEach(verdict -> body.append(verdict(verdict))));
    summary
        .map(RunSummary::matrices)
        .filter(matrices -> !matrices.isEmpty())
        .ifPresent(all -> body.append("<h2>The adapter's change</h2>\n").append(HeatMap.html(all)));
    body.append("<h2>Settings that aren't defaults</h2>\n").append(Html.pairs(settings()));
    summary.ifPresent(s -> body.append(told(s)));
    body.append("<h2>Use</h2>\n<pre>").append(Html.text(commands())).append("</pre>\n");
    return body.append("</main>\n").toString();
  }

  private List<List<String>> overview() {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("state", state.inWords()));
    config.find(Settings.NOTE).ifPresent(note -> rows.add(List.of("note", note)));
    summary.flatMap(s -> Optional.ofNullable(s.base())).ifPresent(base -> base(rows, base));
    summary.ifPresent(s -> rows.add(List.of("trained", Words.count(s.trained()) + " parameters")));
    int all = summary.map(RunSummary::steps).orElse(metrics.lastStep());
    rows.add(List.of("steps", Words.count(metrics.lastStep()) + " of " + Words.count(all)));
    if (!metrics.steps().isEmpty()) {
      rows.add(
          List.of(
              "training loss",
              String.format(
                  Locale.ROOT, "%.4f first, %.4f last", metrics.firstLoss(), metrics.lastLoss())));
      rows.add(
          List.of(
              "tokens",
              String.format(
                  Locale.ROOT,
                  "%,d in %s, %,.0f tokens/s",
                  steps.allTokens(),
                  Words.duration(steps.allSeconds()),
                  steps.allTokens() / steps.allSeconds())));
    }
    metrics.best().ifPresent(best -> rows.add(List.of("validation loss", validation(best))));
    Words.found(metrics).ifPresent(found -> rows.add(List.of("recall@1", found)));
    Overfitting.sign(metrics).ifPresent(sign -> rows.add(List.of("validation", sign)));
    if (!metrics.skips().isEmpty()) {
      rows.add(List.of("steps left out", Words.count(metrics.skips().size())));
    }
    return rows;
  }

  private static void base(List<List<String>> rows, RunSummary.Base base) {
    rows.add(
        List.of(
            "base",
            "%s, %s, %s, %s parameters"
                .formatted(
                    base.name(),
                    base.architecture(),
                    base.quantization(),
                    Words.count(base.parameters()))));
    rows.add(List.of("SHA-256 of the base", base.sha256()));
  }

  private String validation(RunMetrics.Validation best) {
    RunMetrics.Validation first = metrics.validations().getFirst();
    RunMetrics.Validation last = metrics.validations().getLast();
    String text =
        String.format(
            Locale.ROOT,
            "%slowest %s after step %d",
            first.step() == 0 ? LineChart.number(first.loss()) + " before, " : "",
            LineChart.number(best.loss()),
            best.step());
    return last.step() == best.step()
        ? text
        : text + ", last %s after step %d".formatted(LineChart.number(last.loss()), last.step());
  }

  private String curves() {
    List<LineChart.Mark> marks = marks();
    String title =
        config
            .find(Settings.METHOD)
            .map(m -> "Loss of " + m.title())
            .orElse("Loss (nats per token)");
    return new LineChart(title, banded(steps.losses()), true, validations(), marks, false).html()
        + rewards()
        + LineChart.ofLines("Learning rate", List.of(curve("learning rate", steps.rates()))).html()
        + chart("Gradient norm, before clipping", steps.norms(), marks, true)
        + chart("Tokens per second", steps.speeds(), marks, false);
  }

  /// Rewards of good and bad answers; empty for runs that don't learn from preferences.
  private String rewards() {
    if (!steps.haveFigures()) {
      return "";
    }
    return LineChart.ofLines(
                "Rewards, smoothed",
                List.of(reward("chosen", "reward_chosen"), reward("rejected", "reward_rejected")))
            .html()
        + LineChart.ofLines(
                "Share of rewards that are right, smoothed",
                List.of(reward("right", "reward_accuracy")))
            .html();
  }

  private Curve reward(String name, String key) {
    List<RunMetrics.Step> steps =
        metrics.steps().stream().filter(step -> step.figures().containsKey(key)).toList();
    double[] values =
        steps.stream().mapToDouble(step -> step.figures().getOrDefault(key, Double.NaN)).toArray();
    double[] numbers = steps.stream().mapToDouble(RunMetrics.Step::number).toArray();
    return Curve.of(name, numbers, Curve.smoothed(values));
  }

  /// The validations; of very many the lowest of each bucket.
  private List<LineChart.Point> validations() {
    double[] at = metrics.validations().stream().mapToDouble(v -> v.step()).toArray();
    double[] losses = metrics.validations().stream().mapToDouble(v -> v.loss()).toArray();
    return Curve.of("validation", at, losses).buckets().stream()
        .map(bucket -> new LineChart.Point("validation", bucket.step(), bucket.least()))
        .toList();
  }

  private String chart(
      String title, double[] values, List<LineChart.Mark> marks, boolean logarithmic) {
    return new LineChart(title, banded(values), true, List.of(), marks, logarithmic).html();
  }

  private List<Curve> banded(double[] values) {
    return List.of(curve("each step", values), curve("smoothed", Curve.smoothed(values)));
  }

  private Curve curve(String name, double[] values) {
    return Curve.of(name, steps.numbers(), values);
  }

  private List<LineChart.Mark> marks() {
    List<LineChart.Mark> marks = new ArrayList<>();
    summary.ifPresent(
        s ->
            s.starts().stream()
                .skip(1)
                .map(
                    start -> new LineChart.Mark(start.step(), "resumed", "resumed " + start.time()))
                .forEach(marks::add));
    for (RunMetrics.Skip skip : metrics.skips()) {
      String back =
          skip.rolledBackTo().isPresent() ? ", back to step " + skip.rolledBackTo().getAsInt() : "";
      marks.add(
          new LineChart.Mark(
              skip.step(), "skipped", "step %s: %s%s".formatted(skip.step(), skip.kind(), back)));
    }
    if (metrics.validations().size() > 1) {
      metrics
          .best()
          .map(best -> new LineChart.Mark(best.step(), "best", "lowest validation loss"))
          .ifPresent(marks::add);
    }
    return marks;
  }

  private static String proof(RunSummary.Proof proof) {
    return "<h2>Proof in llama.cpp: %s</h2>\n<pre>%s</pre>\n"
        .formatted(Html.text(proof.verdict()), Html.text(String.join("\n", proof.lines())));
  }

  private static String verdict(RunSummary.GateRecord verdict) {
    List<List<String>> rows =
        verdict.checks().stream()
            .map(
                check ->
                    List.of(
                        check.name(),
                        "%s: %s; %s"
                            .formatted(
                                check.passed() ? "passes" : "fails",
                                check.measured(),
                                check.required())))
            .toList();
    return "<h2>Gate %s</h2>\n%s".formatted(Html.text(verdict.words()), Html.pairs(rows));
  }

  private static String told(RunSummary summary) {
    String warnings =
        summary.warnings().isEmpty()
            ? ""
            : "<h2>Warnings</h2>\n" + Html.sentences(summary.warnings());
    String notes =
        summary.notes().isEmpty() ? "" : "<h2>Notes</h2>\n" + Html.sentences(summary.notes());
    return warnings + notes;
  }

  private List<List<String>> settings() {
    TrainingConfig defaults = new TrainingOptions().unchecked();
    List<List<String>> rows = new ArrayList<>();
    for (Setting<?> setting : Settings.all()) {
      Optional<Object> value = setting.written(config);
      boolean file = setting.group() == Setting.Group.FILES;
      if (value.isPresent() && (file || !value.equals(setting.written(defaults)))) {
        rows.add(List.of(setting.key(), shown(value.get())));
      }
    }
    return rows;
  }

  private static String shown(Object value) {
    return switch (value) {
      case List<?> list -> String.join(", ", list.stream().map(String::valueOf).toList());
      case Double number -> LineChart.number(number);
      default -> value.toString();
    };
  }

  private String commands() {
    String base = config.find(Settings.MODEL).map(ShellText::quoted).orElse("BASE.gguf");
    String adapter = config.find(Settings.OUTPUT).map(ShellText::quoted).orElse("ADAPTER.gguf");
    String program = ShellText.program();
    return program
        + " generate --model %s --adapter %s --prompt 'TEXT'\n".formatted(base, adapter)
        + program
        + " merge --model %s --adapter %s --output merged.gguf\n".formatted(base, adapter)
        + "llama-server -m %s --lora %s\n".formatted(base, adapter);
  }
}
