package io.lorikeet.cli;

import io.lorikeet.finetune.sweep.Sweep;
import io.lorikeet.finetune.sweep.SweepPlan;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/// `lorikeet sweep`.
@Command(
    name = "sweep",
    description = {
      "Try settings: train many runs a little, and the better half of them on, round by round.",
      "The same command goes on with a sweep that was stopped. docs/runs.md has an example of the file."
    })
final class SweepCommand implements Callable<Integer> {
  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      required = true,
      description = "YAML file with folder, budget, train and try")
  private Path config;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    SweepPlan plan = SweepPlan.read(config, BaseOption.finder(spec));
    if (!json) {
      line.sentence(
          "%s runs, %s steps in all, in %s"
              .formatted(plan.choices().size(), Words.count(plan.steps()), plan.folder()));
    }
    StopRequest stop = new StopRequest();
    main.interruption().onArrival(stop::make);
    Sweep.SweepResult result;
    try {
      result = new Sweep(plan, stop, json ? _ -> {} : TrainingProgress.ofOneOfMany(line)).run();
    } finally {
      main.interruption().leaveAtOnce();
    }
    if (json) {
      line.println(JsonText.of(json(plan, result)));
    } else {
      print(plan, result, line);
    }
    return 0;
  }

  private static void print(SweepPlan plan, Sweep.SweepResult result, ProgressLine line) {
    table(result).forEach(line::println);
    line.println("page: " + plan.folder().resolve(Sweep.PAGE));
    line.println("best adapter: " + result.best().get(Settings.OUTPUT));
    line.println("train the best again, or with more steps:");
    line.println(
        "  %s train --config %s --output best.gguf --run best-run"
            .formatted(
                ShellText.program(),
                ShellText.quoted(result.best().get(Settings.RUN).resolve(RunFiles.CONFIG))));
  }

  private static Map<String, Object> json(SweepPlan plan, Sweep.SweepResult result) {
    List<Map<String, Object>> runs = new ArrayList<>();
    for (Sweep.SweptRun entry : result.entries()) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("run", entry.run() + 1);
      values.put("settings", entry.choice());
      values.put("rounds", entry.round());
      values.put("steps", entry.step());
      if (!Double.isNaN(entry.loss())) {
        values.put("validation_loss", entry.loss());
      }
      runs.add(values);
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("folder", plan.folder().toString());
    values.put("best_run", result.best().get(Settings.RUN).toString());
    values.put("best_adapter", result.best().get(Settings.OUTPUT).toString());
    values.put("runs", runs);
    return values;
  }

  private static List<String> table(Sweep.SweepResult result) {
    List<String> keys = List.copyOf(result.entries().getFirst().choice().keySet());
    List<String> headings = new ArrayList<>(List.of("run"));
    headings.addAll(keys);
    headings.addAll(List.of("rounds", "steps", "validation loss"));
    TableText table = new TableText(headings);
    for (Sweep.SweptRun entry : result.entries()) {
      List<String> row = new ArrayList<>(List.of(Integer.toString(entry.run() + 1)));
      keys.forEach(key -> row.add(String.valueOf(entry.choice().get(key))));
      row.add(Integer.toString(entry.round()));
      row.add(Words.count(entry.step()));
      row.add(
          Double.isNaN(entry.loss())
              ? "went wrong"
              : String.format(Locale.ROOT, "%.4f", entry.loss()));
      table.row(row);
    }
    return table.lines();
  }
}
