package io.lorikeet.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.finetune.FirstRun;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/// The configuration file that `init` writes: YAML with a comment at each setting.
final class InitFile {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z./_][A-Za-z0-9./_-]*");

  private final InitDialogue.Result answers;
  private final Path adapter;
  private final Path file;
  private final StringBuilder yaml = new StringBuilder();

  /// @param adapter the adapter that will be written
  /// @param file the configuration's own
  InitFile(InitDialogue.Result answers, Path adapter, Path file) {
    this.answers = answers;
    this.adapter = adapter;
    this.file = file;
  }

  String text() {
    FirstRun run = answers.run();
    comment("Settings of a training run. Start it with:");
    comment(
        "  %s train --config %s --watch".formatted(ShellText.program(), ShellText.quoted(file)));
    comment("Flags win over this file; train --help lists all settings.");
    setting(
        Settings.MODEL,
        path(answers.model().toString()),
        "base, %s parameters".formatted(Words.count(run.parameters())));
    setting(Settings.DATA, path(answers.data()), data(run));
    if (run.validation() > 0) {
      setting(
          Settings.VALIDATION,
          run.validation(),
          "examples of the data that are measured and never trained on");
    }
    setting(
        Settings.OUTPUT,
        path(adapter.toString()),
        "adapter to write; its run's folder is beside it");
    setting(
        Settings.FOR,
        Setting.name(answers.goal()),
        "use of the adapter: 'adapter' beside its base, 'merged' into it by 'merge'");
    run.method()
        .ifPresent(
            method ->
                setting(Settings.METHOD, Setting.name(method), "how data of this kind is learned"));
    if (run.batchSize() > 0) {
      setting(
          Settings.BATCH_SIZE,
          run.batchSize(),
          "queries that are compared with each other's passages; more is better");
      setting(Settings.ACCUMULATE, 1, "batches per optimizer step");
    }
    setting(
        Settings.CONTEXT,
        run.context(),
        "tokens in a row; memory allows %s, and %s GB are planned on %s"
            .formatted(
                Words.count(run.memory().longestContext()),
                gigabytes(run),
                run.memory().device().orElse("the device")));
    setting(
        Settings.EPOCHS,
        run.epochs(),
        "times to go through the data: about %s steps".formatted(Words.count(run.steps())));
    if (run.validates()) {
      setting(
          Settings.EVALUATE_EVERY,
          run.evaluateEvery(),
          "steps between validations; the best adapter is kept, too");
    }
    answers
        .time()
        .ifPresent(
            time ->
                setting(
                    Settings.MAX_TIME,
                    RunPolicy.text(time),
                    "the run stops after it with a checkpoint, and train --resume goes on"));
    return yaml.toString();
  }

  private static String data(FirstRun run) {
    int[] lengths = run.data().lengths();
    return "%s examples, %s tokens; half have up to %s, the longest has %s"
        .formatted(
            Words.count(run.data().examples()),
            Words.count(run.data().tokens()),
            Words.count(lengths[1]),
            Words.count(lengths[lengths.length - 1]));
  }

  private static String gigabytes(FirstRun run) {
    long bytes = Math.max(run.memory().plan().device(), run.memory().plan().process());
    return String.format(Locale.ROOT, "%.1f", bytes / 1e9);
  }

  private void comment(String text) {
    yaml.append("# ").append(text).append('\n');
  }

  private void setting(Setting<?> setting, Object value, String comment) {
    yaml.append('\n');
    comment(comment);
    yaml.append(setting.key()).append(": ").append(value).append('\n');
  }

  /// A name as YAML takes it for a text: as it is, or as JSON quotes it.
  private static String path(String name) {
    if (PLAIN.matcher(name).matches() && !name.matches("(?i)true|false|null|yes|no|on|off|y|n")) {
      return name;
    }
    try {
      return new ObjectMapper().writeValueAsString(name);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a text is JSON", e);
    }
  }
}
