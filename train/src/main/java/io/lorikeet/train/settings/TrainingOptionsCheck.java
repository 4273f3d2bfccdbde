package io.lorikeet.train.settings;

import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.PathParts;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.data.files.DataFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/// Makes a configuration of options: defaults, then every check, and one message with all that is
/// wrong.
final class TrainingOptionsCheck {
  private static final int DEFAULT_CONTEXT = 2048;

  private final TrainingOptions options;
  private final OutputPlan files = new OutputPlan();
  private final Set<Path> pipes = new HashSet<>();
  private final List<String> problems = new ArrayList<>();

  TrainingOptionsCheck(TrainingOptions options) {
    this.options = options;
  }

  TrainingConfig resolveData(ToIntFunction<Path> contextOfBase) {
    checkInputs();
    return finish(contextOfBase);
  }

  TrainingConfig resolve(ToIntFunction<Path> contextOfBase) {
    checkInputs();
    options
        .get(Settings.INIT_ADAPTER)
        .ifPresent(file -> checkReadable(Settings.INIT_ADAPTER, file));
    options.get(Settings.GATE).ifPresent(file -> checkReadable(Settings.GATE, file));
    options
        .get(Settings.REFERENCE_ADAPTER)
        .ifPresent(file -> checkReadable(Settings.REFERENCE_ADAPTER, file));
    options.get(Settings.SAMPLE).ifPresent(this::checkSamples);
    options.get(Settings.OUTPUT).ifPresentOrElse(this::checkOutput, () -> missing(Settings.OUTPUT));
    return finish(contextOfBase);
  }

  private TrainingConfig finish(ToIntFunction<Path> contextOfBase) {
    checkNumbers();
    throwProblems();
    TrainingConfig config = new TrainingConfig(options.values());
    if (config.find(Settings.METHOD).isPresent()) {
      PreferenceSettings.requireUsed(config, config.find(Settings.METHOD));
    }
    int context = context(config, contextOfBase.applyAsInt(config.get(Settings.MODEL)));
    throwProblems();
    return config.with(new TrainingOptions().set(Settings.CONTEXT, context));
  }

  private void checkInputs() {
    options
        .get(Settings.MODEL)
        .ifPresentOrElse(
            file -> checkReadable(Settings.MODEL, file), () -> missing(Settings.MODEL));
    options.get(Settings.CHAT_TEMPLATE).ifPresent(name -> reads(Settings.CHAT_TEMPLATE, name));
    options.files().forEach(file -> files.reads("config", file));
    List<DataSource> data = options.get(Settings.DATA).orElse(List.of());
    if (data.isEmpty()) {
      missing(Settings.DATA);
    }
    data.forEach(source -> checkSource(Settings.DATA, source));
    checkReplays(options.get(Settings.REPLAY).orElse(List.of()));
    options.get(Settings.NEUTRAL).ifPresent(file -> checkReadable(Settings.NEUTRAL, file));
    switch (options.get(Settings.VALIDATION).orElse(new ValidationData.None())) {
      case ValidationData.None() -> {}
      case ValidationData.FromFile(DataSource source) -> checkSource(Settings.VALIDATION, source);
      case ValidationData.Count(int examples) -> {
        if (!ValidationData.Count.RANGE.contains(examples)) {
          problem(Settings.VALIDATION, "must be at least 1 example, is " + examples);
        }
      }
      case ValidationData.Fraction(double share) -> {
        if (!(share > 0 && share < 1)) {
          problem(
              Settings.VALIDATION,
              "must be a file, or a share of the data between 0 and 1, is " + share);
        }
      }
    }
  }

  private void checkSamples(List<SampleSource> sources) {
    for (SampleSource source : sources) {
      if (source instanceof SampleSource.PromptFile(Path file)) {
        files.reads(options.describe(Settings.SAMPLE), file);
      }
    }
    try {
      SampleSource.prompts(sources);
    } catch (InvalidInputException e) {
      problem(Settings.SAMPLE, e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void checkReplays(List<ReplaySource> replays) {
    replays.forEach(replay -> checkSource(Settings.REPLAY, replay.source()));
    double shares = replays.stream().mapToDouble(ReplaySource::share).sum();
    if (shares >= 1) {
      problem(
          Settings.REPLAY, "the shares must leave something to the data, and sum up to " + shares);
    }
  }

  private void checkSource(Setting<?> setting, DataSource source) {
    try {
      reads(setting, source.path());
      DataFiles found = DataFiles.of(source.path());
      found.all().forEach(file -> files.reads(options.describe(setting), file));
      for (DataFile file : found.training()) {
        if (file.isReadOnce() && !pipes.add(file.path())) {
          problem(setting, file.name() + " can be read only once, and is given twice");
        }
      }
    } catch (IllegalArgumentException e) {
      problem(setting, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Notes what is read under a name, if it is that of a file or a folder.
  private void reads(Setting<?> setting, String name) {
    try {
      files.reads(options.describe(setting), Path.of(name));
    } catch (InvalidPathException _) {
      // another kind of name
    }
  }

  private void checkReadable(Setting<?> setting, Path file) {
    files.reads(options.describe(setting), file);
    if (!Files.exists(file)) {
      problem(setting, "there is no file " + file);
    } else if (Files.isDirectory(file)) {
      problem(setting, file + " is a folder, not a file");
    } else if (!Files.isReadable(file)) {
      problem(setting, file + " can't be read: its permissions forbid it");
    }
  }

  private void checkOutput(Path output) {
    Path folder = PathParts.folder(output.toAbsolutePath());
    if (!Files.isDirectory(output) && !Files.isDirectory(folder)) {
      problem(
          Settings.OUTPUT,
          "there is no folder " + folder + " to write " + output.getFileName() + " to");
    } else if (!Files.isWritable(folder)) {
      problem(
          Settings.OUTPUT,
          "nothing can be written to the folder " + folder + ": its permissions forbid it");
    }
    Path run = options.get(Settings.RUN).orElseGet(() -> RunFiles.beside(output));
    files
        .writes(options.describe(Settings.OUTPUT), output)
        .keeps(options.describe(Settings.RUN), run, RunFiles.ALL);
    if (options.get(Settings.EVALUATE_EVERY).isPresent()) {
      files.writes("the best adapter", AdapterPlaces.best(output, run).file());
    }
    try {
      List<String> found = files.problems();
      problems.addAll(
          found.isEmpty()
              ? files.writes("the model card", AdapterPlaces.card(output)).problems()
              : found);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void checkNumbers() {
    Settings.all().forEach(this::checkRange);
    if (options.get(Settings.RECOMPUTE).filter(Recompute.NONE::equals).isPresent()
        && options.get(Settings.SAVED_INPUTS).filter(at -> at != SavedInputs.DEVICE).isPresent()) {
      problem(Settings.RECOMPUTE, "none goes with --saved-inputs device only");
    }
    if (options.get(Settings.STEPS).isPresent() && options.get(Settings.EPOCHS).isPresent()) {
      problem(Settings.STEPS, "give steps or epochs, not both");
    }
    if (options.get(Settings.EARLY_STOP).isPresent()
        && (options.get(Settings.VALIDATION).isEmpty()
            || options.get(Settings.EVALUATE_EVERY).isEmpty())) {
      problem(Settings.EARLY_STOP, "needs validation data and --evaluate-every");
    }
    if (options.get(Settings.NEUTRAL).isPresent() && options.get(Settings.KEEP_BASE).isEmpty()) {
      problem(Settings.NEUTRAL, "has no use without --keep-base");
    }
    if (options.get(Settings.INVOCATION).isPresent()
        && options.get(Settings.KEEP_BASE).isPresent()) {
      problem(
          Settings.KEEP_BASE,
          "has no use with --invocation: without it in the prompt the base answers alone");
    }
    if (options.get(Settings.INIT_ADAPTER).isPresent()) {
      for (Setting<?> own : Settings.all(Setting.Trait.OF_INITIAL_ADAPTER)) {
        if (options.get(own).isPresent()) {
          problem(own, "is that of the adapter given by --init-adapter; leave it out");
        }
      }
    }
    if (options.get(Settings.FOR).equals(Optional.of(TrainingConfig.Purpose.MERGED))) {
      checkMerged();
    }
    options.get(Settings.TARGET).ifPresent(this::checkTargets);
  }

  /// A merged adapter has no inputs of its own that could be dropped, and no rows to be looked up.
  private void checkMerged() {
    if (options.get(Settings.INVOCATION).isPresent()) {
      problem(
          Settings.INVOCATION,
          "can't be for merged: a merged weight acts on all tokens; leave one of them out");
    }
    check(Settings.DROPOUT, value -> value == 0, "must be 0 for merged");
    check(
        Settings.TARGET,
        targets -> !targets.contains("token_embd"),
        "token_embd can't be trained for merged");
  }

  private void checkTargets(List<String> targets) {
    if (targets.isEmpty()) {
      problem(Settings.TARGET, "names no matrix");
    }
    List<String> known = LoraTargets.names();
    for (String target : targets) {
      if (!known.contains(target)) {
        String hint = NearestName.hint(target.replaceFirst("_proj$", ""), known);
        problem(Settings.TARGET, "'" + target + "' is none of " + String.join(", ", known) + hint);
      }
    }
  }

  private int context(TrainingConfig config, int ofBase) {
    int context = config.find(Settings.CONTEXT).orElse(Math.min(DEFAULT_CONTEXT, ofBase));
    if (context > ofBase) {
      problem(
          Settings.CONTEXT,
          context + " is more than the " + ofBase + " tokens that the base was made for");
    }
    int most = Settings.MOST_TOKENS / context;
    int rows = config.get(Settings.BATCH_SIZE);
    if (rows > most) {
      problem(
          Settings.BATCH_SIZE,
          "must be at most %s at context %s, is %s".formatted(most, context, rows));
    }
    return context;
  }

  private <T> void checkRange(Setting<T> setting) {
    options.get(setting).flatMap(setting::problem).ifPresent(text -> problem(setting, text));
  }

  private <T> void check(Setting<T> setting, Predicate<T> good, String rule) {
    options
        .get(setting)
        .filter(good.negate())
        .ifPresent(value -> problem(setting, rule + ", is " + value));
  }

  private void missing(Setting<?> setting) {
    problems.add("--" + setting.key() + " is needed: " + setting.description());
  }

  private void problem(Setting<?> setting, String text) {
    problems.add(options.describe(setting) + ": " + text);
  }

  private void throwProblems() {
    if (!problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", problems));
    }
  }
}
