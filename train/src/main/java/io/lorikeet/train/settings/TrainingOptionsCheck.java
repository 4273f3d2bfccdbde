package io.lorikeet.train.settings;

import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.OutputPlan;
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
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
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

  DataPlan resolveData(ToIntFunction<Path> contextOfBase, ToIntFunction<Path> windowOfBase) {
    checkInputs();
    checkNumbers();
    throwProblems();
    Path model = options.get(Setting.MODEL).orElseThrow();
    DataSettings settings =
        new DataSettings(
            context(contextOfBase.applyAsInt(model)),
            get(Setting.TOO_LONG, TrainingConfig.TooLong.CUT),
            get(Setting.SKIP_BAD_LINES, false),
            get(Setting.PACKING, true),
            get(Setting.TRAIN_ON, TrainingConfig.TrainOn.ASSISTANT),
            options.get(Setting.CHAT_TEMPLATE),
            options.get(Setting.FORMAT),
            true,
            get(Setting.COLUMNS, Map.of()),
            get(Setting.THREADS, ProcessorCores.physical()),
            options.get(Setting.CACHE));
    return new DataPlan(
        model,
        options.get(Setting.DATA).orElseThrow(),
        get(Setting.VALIDATION, new ValidationData.None()),
        get(Setting.SEED, 42L),
        windowOfBase.applyAsInt(model),
        settings);
  }

  TrainingConfig resolve(ToIntFunction<Path> contextOfBase) {
    checkInputs();
    options.get(Setting.INIT_ADAPTER).ifPresent(file -> checkReadable(Setting.INIT_ADAPTER, file));
    options.get(Setting.OUTPUT).ifPresentOrElse(this::checkOutput, () -> missing(Setting.OUTPUT));
    checkNumbers();
    throwProblems();
    Path model = options.get(Setting.MODEL).orElseThrow();
    Path output = options.get(Setting.OUTPUT).orElseThrow();
    int rank = get(Setting.RANK, 16);
    return new TrainingConfig(
        model,
        options.get(Setting.DATA).orElseThrow(),
        get(Setting.VALIDATION, new ValidationData.None()),
        output,
        options.get(Setting.RUN).orElseGet(() -> RunFiles.beside(output)),
        context(contextOfBase.applyAsInt(model)),
        get(Setting.BATCH_SIZE, 1),
        optional(Setting.ACCUMULATE),
        get(Setting.EPOCHS, 1),
        optional(Setting.STEPS),
        get(Setting.LEARNING_RATE, 2e-4),
        get(Setting.SCHEDULE, TrainingConfig.Schedule.LINEAR),
        get(Setting.WARMUP, 0.1),
        new AdamWSettings(
            get(Setting.WEIGHT_DECAY, 0.0),
            get(Setting.ADAM_BETA1, AdamWSettings.BETA1),
            get(Setting.ADAM_BETA2, AdamWSettings.BETA2),
            get(Setting.ADAM_EPSILON, AdamWSettings.EPSILON)),
        get(Setting.MAX_GRAD_NORM, 1.0),
        rank,
        get(Setting.EXPERT_RANK, LoraSettings.EXPERT_RANK),
        get(Setting.ALPHA, 2.0 * rank),
        get(Setting.DROPOUT, 0.0),
        get(Setting.RSLORA, false),
        get(Setting.TARGET, List.of("all-linear")),
        get(Setting.FOR, TrainingConfig.Purpose.ADAPTER),
        get(Setting.SEED, 42L),
        get(Setting.THREADS, ProcessorCores.physical()),
        get(Setting.DEVICE, "auto"),
        memory(),
        get(Setting.PRECISION, Precision.AUTO),
        get(Setting.TOO_LONG, TrainingConfig.TooLong.CUT),
        get(Setting.SKIP_BAD_LINES, false),
        options.get(Setting.FORMAT),
        get(Setting.COLUMNS, Map.of()),
        options.get(Setting.CACHE),
        get(Setting.PACKING, true),
        options.get(Setting.CHAT_TEMPLATE),
        get(Setting.TRAIN_ON, TrainingConfig.TrainOn.ASSISTANT),
        optional(Setting.EVALUATE_EVERY),
        policy(),
        options.get(Setting.INIT_ADAPTER),
        options.get(Setting.STORE).orElse(AdapterStorage.F32));
  }

  private MemorySettings memory() {
    return new MemorySettings(
        options.get(Setting.DEVICE_MEMORY).map(OptionalLong::of).orElse(OptionalLong.empty()),
        options.get(Setting.SAVED_INPUTS),
        options.get(Setting.OPTIMIZER_STATE));
  }

  private RunPolicy policy() {
    return new RunPolicy(
        get(Setting.CHECKPOINT_EVERY, RunPolicy.DEFAULT_CHECKPOINTS),
        get(Setting.KEEP_CHECKPOINTS, RunPolicy.DEFAULT_KEPT),
        get(Setting.ON_NAN, RunPolicy.OnNan.STOP),
        options.get(Setting.MAX_TIME),
        optional(Setting.EARLY_STOP));
  }

  private void checkInputs() {
    options
        .get(Setting.MODEL)
        .ifPresentOrElse(file -> checkReadable(Setting.MODEL, file), () -> missing(Setting.MODEL));
    options.get(Setting.CHAT_TEMPLATE).ifPresent(name -> reads(Setting.CHAT_TEMPLATE, name));
    options.files().forEach(file -> files.reads("config", file));
    List<DataSource> data = get(Setting.DATA, List.of());
    if (data.isEmpty()) {
      missing(Setting.DATA);
    }
    data.forEach(source -> checkSource(Setting.DATA, source));
    switch (get(Setting.VALIDATION, new ValidationData.None())) {
      case ValidationData.None() -> {}
      case ValidationData.FromFile(DataSource source) -> checkSource(Setting.VALIDATION, source);
      case ValidationData.Count(int examples) -> {
        if (!ValidationData.Count.RANGE.contains(examples)) {
          problem(Setting.VALIDATION, "must be at least 1 example, is " + examples);
        }
      }
      case ValidationData.Fraction(double share) -> {
        if (!(share > 0 && share < 1)) {
          problem(
              Setting.VALIDATION,
              "must be a file, or a share of the data between 0 and 1, is " + share);
        }
      }
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
      problem(setting, e.getMessage());
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
    Path folder = output.toAbsolutePath().getParent();
    if (!Files.isDirectory(output) && !Files.isDirectory(folder)) {
      problem(
          Setting.OUTPUT,
          "there is no folder " + folder + " to write " + output.getFileName() + " to");
    } else if (!Files.isWritable(folder)) {
      problem(
          Setting.OUTPUT,
          "nothing can be written to the folder " + folder + ": its permissions forbid it");
    }
    Path run = options.get(Setting.RUN).orElseGet(() -> RunFiles.beside(output));
    files
        .writes(options.describe(Setting.OUTPUT), output)
        .keeps(options.describe(Setting.RUN), run, RunFiles.ALL);
    if (options.get(Setting.EVALUATE_EVERY).isPresent()) {
      files.writes("the best adapter", AdapterPlaces.best(output, run).file());
    }
    try {
      problems.addAll(files.problems());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void checkNumbers() {
    Setting.all().forEach(this::checkRange);
    check(
        Setting.DEVICE,
        value -> value.matches("[A-Za-z]+[0-9]*"),
        "must be auto, cpu, or a device such as vulkan0");
    if (options.get(Setting.STEPS).isPresent() && options.get(Setting.EPOCHS).isPresent()) {
      problem(Setting.STEPS, "give steps or epochs, not both");
    }
    if (options.get(Setting.EARLY_STOP).isPresent()
        && (options.get(Setting.VALIDATION).isEmpty()
            || options.get(Setting.EVALUATE_EVERY).isEmpty())) {
      problem(Setting.EARLY_STOP, "needs validation data and --evaluate-every");
    }
    if (options.get(Setting.INIT_ADAPTER).isPresent()) {
      for (Setting<?> own :
          List.of(
              Setting.RANK, Setting.EXPERT_RANK, Setting.ALPHA, Setting.RSLORA, Setting.TARGET)) {
        if (options.get(own).isPresent()) {
          problem(own, "is that of the adapter given by --init-adapter; leave it out");
        }
      }
    }
    if (get(Setting.FOR, TrainingConfig.Purpose.ADAPTER) == TrainingConfig.Purpose.MERGED) {
      checkMerged();
    }
    if (options.get(Setting.TARGET).isPresent()) {
      checkTargets(get(Setting.TARGET, List.of()));
    }
  }

  /// A merged adapter has no inputs of its own that could be dropped, and no rows to be looked up.
  private void checkMerged() {
    check(Setting.DROPOUT, value -> value == 0, "must be 0 for merged");
    check(
        Setting.TARGET,
        targets -> !targets.contains("token_embd"),
        "token_embd can't be trained for merged");
  }

  private void checkTargets(List<String> targets) {
    if (targets.isEmpty()) {
      problem(Setting.TARGET, "names no matrix");
    }
    List<String> known = LoraTargets.names();
    for (String target : targets) {
      if (!known.contains(target)) {
        String hint = NearestName.hint(target.replaceFirst("_proj$", ""), known);
        problem(Setting.TARGET, "'" + target + "' is none of " + String.join(", ", known) + hint);
      }
    }
  }

  private int context(int ofBase) {
    int context = get(Setting.CONTEXT, Math.min(DEFAULT_CONTEXT, ofBase));
    if (context > ofBase) {
      problem(
          Setting.CONTEXT,
          context + " is more than the " + ofBase + " tokens that the base was made for");
    }
    int most = Setting.MOST_TOKENS / context;
    if (get(Setting.BATCH_SIZE, 1) > most) {
      problem(
          Setting.BATCH_SIZE,
          "must be at most %s at context %s, is %s"
              .formatted(most, context, get(Setting.BATCH_SIZE, 1)));
    }
    throwProblems();
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

  private <T> T get(Setting<T> setting, T fallback) {
    return options.get(setting).orElse(fallback);
  }

  private OptionalInt optional(Setting<Integer> setting) {
    return options.get(setting).map(OptionalInt::of).orElseGet(OptionalInt::empty);
  }
}
