package io.lorikeet.train.settings;

import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.quant.NearestName;
import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// A setting of a training run, under the one name that a flag (`--learning-rate`) and a line of a
/// configuration file (`learning-rate: 2e-4`) share.
///
/// @param <T> type of its value
public final class Setting<T> {
  /// Filled as the constants below are made.
  private static final List<Setting<?>> ALL = new ArrayList<>();

  /// Most tokens of a batch: what is counted by token stays far below 2³¹.
  public static final int MOST_TOKENS = 1 << 24;

  /// ggml's limit.
  private static final int MOST_THREADS = 512;

  /// 1 - beta is far above F32's rounding of beta.
  private static final double MOST_BETA = 0.9999;

  public static final Setting<Path> MODEL =
      one("model", "FILE", "base to train on, a GGUF file", Setting::path);
  public static final Setting<List<DataSource>> DATA =
      many(
          "data",
          "FILE",
          "training examples: files, folders, patterns, or - for standard input",
          texts -> texts.stream().map(DataSettingText::source).toList());
  public static final Setting<ValidationData> VALIDATION =
      one(
          "validation",
          "FILE|SHARE|COUNT",
          "examples to measure on: a file, or a share or number taken from the data",
          DataSettingText::validation);
  public static final Setting<Path> OUTPUT =
      one("output", "FILE", "adapter to write, a GGUF file", Setting::path);
  public static final Setting<Path> RUN =
      one(
          "run",
          "FOLDER",
          "folder for configuration and metrics (default: beside the output)",
          Setting::path);
  public static final Setting<Integer> CONTEXT =
      count(
          "context",
          "TOKENS",
          "tokens in a row (default: 2048, or the base's context if shorter)",
          2,
          MOST_TOKENS);
  public static final Setting<Integer> BATCH_SIZE =
      count("batch-size", "ROWS", "rows computed at once (default: 1)", 1, 1 << 16);
  public static final Setting<Integer> ACCUMULATE =
      count(
          "accumulate",
          "N",
          "batches per optimizer step (default: up to 16,384 tokens)",
          1,
          1 << 16);
  public static final Setting<Integer> EPOCHS =
      count("epochs", "N", "times to go through the data (default: 1)", 1, 1_000_000);
  public static final Setting<Integer> STEPS =
      count("steps", "N", "optimizer steps, instead of epochs", 1, 1_000_000_000);
  public static final Setting<Double> LEARNING_RATE =
      number("learning-rate", "RATE", "peak of the learning rate (default: 2e-4)", 1e-30, 1e38);
  public static final Setting<TrainingConfig.Schedule> SCHEDULE =
      choice(
          "schedule",
          TrainingConfig.Schedule.class,
          "learning rate over the run (default: linear)");
  public static final Setting<Double> WARMUP =
      number(
          "warmup",
          "SHARE|STEPS",
          "steps of rising rate: a share below 1, or their number (default: 0.1)",
          0,
          1e9);
  public static final Setting<Double> WEIGHT_DECAY =
      number("weight-decay", "RATE", "decoupled weight decay (default: 0)", 0, 100);
  public static final Setting<Double> ADAM_BETA1 =
      number(
          "adam-beta1",
          "RATE",
          "decay of AdamW's mean of the gradients (default: 0.9)",
          0,
          MOST_BETA);
  public static final Setting<Double> ADAM_BETA2 =
      number(
          "adam-beta2",
          "RATE",
          "decay of AdamW's mean of their squares (default: 0.999)",
          0,
          MOST_BETA);
  public static final Setting<Double> ADAM_EPSILON =
      number(
          "adam-epsilon",
          "NUMBER",
          "added to the root of that mean before dividing by it (default: 1e-8)",
          1e-30,
          1);
  public static final Setting<Double> MAX_GRAD_NORM =
      number(
          "max-grad-norm",
          "NORM",
          "norm that gradients are clipped to, 0 for none (default: 1)",
          0,
          1e9);
  public static final Setting<Integer> RANK =
      count("rank", "N", "rank of the adapter (default: 16)", 1, 1 << 16);
  public static final Setting<Integer> EXPERT_RANK =
      count(
          "expert-rank",
          "N",
          "rank for each expert's matrices in mixtures of experts (default: 2)",
          1,
          1 << 16);
  public static final Setting<Double> ALPHA =
      number(
          "alpha",
          "ALPHA",
          "the adapter is scaled by alpha / rank (default: twice the rank)",
          1e-9,
          1e9);
  public static final Setting<Double> DROPOUT =
      number(
          "dropout",
          "SHARE",
          "share of the adapter's inputs dropped in training (default: 0)",
          0,
          0.99);
  public static final Setting<Boolean> RSLORA =
      one(
          "rslora",
          "true|false",
          "scale by alpha / sqrt(rank) instead (default: false)",
          Setting::bool);
  public static final Setting<List<String>> TARGET =
      many(
          "target",
          "NAME",
          "matrices to adapt: all-linear, attention, or names (default: all-linear)",
          Setting::names);
  public static final Setting<TrainingConfig.Purpose> FOR =
      choice(
          "for",
          TrainingConfig.Purpose.class,
          "what the adapter will be: loaded as it is, or merged into its base (default: adapter)");
  public static final Setting<Long> SEED =
      one("seed", "N", "seed of everything random (default: 42)", WholeRange.ANY::parse);
  public static final Setting<Integer> THREADS =
      count("threads", "N", "CPU threads (default: the physical cores)", 1, MOST_THREADS);
  public static final Setting<String> DEVICE =
      one("device", "NAME", "auto, cpu, vulkan0, cuda0, … (default: auto)", name -> name);
  public static final Setting<Long> DEVICE_MEMORY =
      one(
          "device-memory",
          "SIZE",
          "the most memory of the device to use, such as 8GB (default: what is free)",
          MemorySettings::bytes);
  public static final Setting<SavedInputs> SAVED_INPUTS =
      choice(
          "saved-inputs",
          SavedInputs.class,
          "where the layers' inputs are kept for backward (default: as memory allows)");
  public static final Setting<OptimizerState> OPTIMIZER_STATE =
      choice(
          "optimizer-state",
          OptimizerState.class,
          "where AdamW's moments are kept (default: as memory allows)");
  public static final Setting<Precision> PRECISION =
      choice("precision", Precision.class, "precision of the products (default: auto)");
  public static final Setting<TrainingConfig.TooLong> TOO_LONG =
      choice(
          "too-long",
          TrainingConfig.TooLong.class,
          "what to do with examples over the context (default: cut)");
  public static final Setting<Boolean> SKIP_BAD_LINES =
      one(
          "skip-bad-lines",
          "true|false",
          "count bad lines of data and go on (default: false)",
          Setting::bool);
  public static final Setting<ExampleFormat> FORMAT =
      one(
          "format",
          String.join("|", ExampleFormat.options()),
          "layout of all the data (default: recognized by keys)",
          DataSettingText::format);
  public static final Setting<Map<String, String>> COLUMNS =
      new Setting<>(
          "columns",
          "KEY=KEY",
          "keys of the data by their meaning: prompt=question,completion=reply",
          true,
          DataSettingText::columns,
          _ -> true,
          "");
  public static final Setting<Path> CACHE =
      one(
          "cache",
          "FOLDER",
          "folder for tokenized data (default: lorikeet in the user's cache folder)",
          Setting::path);
  public static final Setting<Boolean> PACKING =
      one(
          "packing",
          "true|false",
          "let several examples share a row (default: true)",
          Setting::bool);
  public static final Setting<String> CHAT_TEMPLATE =
      one(
          "chat-template",
          "NAME|FILE",
          "template for chats (default: the base's own)",
          Function.identity());
  public static final Setting<TrainingConfig.TrainOn> TRAIN_ON =
      choice(
          "train-on",
          TrainingConfig.TrainOn.class,
          "whose tokens have loss (default: assistant, all its turns)");
  public static final Setting<Integer> EVALUATE_EVERY =
      count(
          "evaluate-every",
          "STEPS",
          "steps between validations (default: only first and last)",
          1,
          1_000_000_000);
  public static final Setting<Integer> EARLY_STOP =
      count(
          "early-stop",
          "N",
          "end after this many validations without a better one",
          1,
          1_000_000_000);

  public static final Setting<RunPolicy.Interval> CHECKPOINT_EVERY =
      one(
          "checkpoint-every",
          "TIME|STEPS",
          "time such as 10m, or steps, between checkpoints (default: 5m)",
          RunPolicy::interval);
  public static final Setting<Integer> KEEP_CHECKPOINTS =
      count(
          "keep-checkpoints",
          "N",
          "newest checkpoints to keep, besides the best (default: 2)",
          1,
          1_000_000_000);
  public static final Setting<RunPolicy.OnNan> ON_NAN =
      choice(
          "on-nan",
          RunPolicy.OnNan.class,
          "what to do with a step whose numbers go wrong (default: stop)");
  public static final Setting<Duration> MAX_TIME =
      one(
          "max-time",
          "TIME",
          "stop after this time, such as 55m, with a checkpoint to resume from",
          RunPolicy::duration);
  public static final Setting<Path> INIT_ADAPTER =
      one(
          "init-adapter",
          "FILE",
          "adapter to begin with, a GGUF file; rank, alpha and targets are its own",
          Setting::path);
  public static final Setting<AdapterStorage> STORE =
      choice(
          "store",
          AdapterStorage.class,
          "type of the numbers in the adapter's file, as which it is proven (default: f32)");

  /// Settings that say where files lie.
  static final List<Setting<?>> PLACES =
      List.of(MODEL, DATA, VALIDATION, OUTPUT, RUN, INIT_ADAPTER, CACHE);

  /// Settings that say how a run takes care of its work and how its outcome is stored, and nothing
  /// about what it makes.
  static final List<Setting<?>> CARE =
      List.of(CHECKPOINT_EVERY, KEEP_CHECKPOINTS, MAX_TIME, DEVICE_MEMORY, OPTIMIZER_STATE, STORE);

  private final String key;
  private final String placeholder;
  private final String description;
  private final boolean list;
  private final Function<List<String>, T> parser;
  private final Predicate<T> good;
  private final String rule;

  private Setting(
      String key,
      String placeholder,
      String description,
      boolean list,
      Function<List<String>, T> parser,
      Predicate<T> good,
      String rule) {
    this.key = key;
    this.placeholder = placeholder;
    this.description = description;
    this.list = list;
    this.parser = parser;
    this.good = good;
    this.rule = rule;
    ALL.add(this);
  }

  /// Every setting, in the order in which help and configuration files show them.
  public static List<Setting<?>> all() {
    return List.copyOf(ALL);
  }

  /// The setting with this key.
  public static Optional<Setting<?>> named(String key) {
    return ALL.stream().<Setting<?>>filter(setting -> setting.key.equals(key)).findFirst();
  }

  /// Keys of all settings.
  public static List<String> keys() {
    return ALL.stream().map(Setting::key).toList();
  }

  /// Name in a configuration file; with `--` before it, the flag's.
  public String key() {
    return key;
  }

  /// What help shows in the place of the value.
  public String placeholder() {
    return placeholder;
  }

  /// One line for people, with the default.
  public String description() {
    return description;
  }

  /// Whether it takes several values.
  public boolean list() {
    return list;
  }

  /// Whether its value is true or false, so that a flag alone can mean true.
  public boolean isSwitch() {
    return placeholder.equals("true|false");
  }

  /// Reads its value from text.
  ///
  /// @throws IllegalArgumentException with what was expected
  public T parse(List<String> texts) {
    return parser.apply(texts);
  }

  /// Says what is wrong with a value that was given in Java.
  Optional<String> problem(T value) {
    return good.test(value) ? Optional.empty() : Optional.of("must be " + rule + ", is " + value);
  }

  @Override
  public String toString() {
    return key;
  }

  private static <T> Setting<T> one(
      String key, String placeholder, String description, Function<String, T> parser) {
    return one(key, placeholder, description, parser, _ -> true, "");
  }

  private static <T> Setting<T> one(
      String key,
      String placeholder,
      String description,
      Function<String, T> parser,
      Predicate<T> good,
      String rule) {
    return new Setting<>(
        key,
        placeholder,
        description,
        false,
        texts -> {
          if (texts.size() != 1) {
            throw new IllegalArgumentException("expected one value, found " + texts.size());
          }
          return parser.apply(texts.getFirst());
        },
        good,
        rule);
  }

  private static Setting<Integer> count(
      String key, String placeholder, String description, int least, int most) {
    WholeRange range = new WholeRange(least, most);
    return one(
        key,
        placeholder,
        description,
        text -> (int) range.parse(text),
        value -> range.contains(value),
        range.toString());
  }

  private static Setting<Double> number(
      String key, String placeholder, String description, double least, double most) {
    DecimalRange range = new DecimalRange(least, most);
    return one(key, placeholder, description, range::parse, range::contains, range.toString());
  }

  private static <T> Setting<List<T>> many(
      String key, String placeholder, String description, Function<List<String>, List<T>> parser) {
    return new Setting<>(key, placeholder, description, true, parser, _ -> true, "");
  }

  /// Names given one by one or with commas.
  static List<String> names(List<String> texts) {
    return texts.stream()
        .flatMap(text -> Arrays.stream(text.split(",")))
        .map(String::strip)
        .filter(name -> !name.isEmpty())
        .toList();
  }

  private static <E extends Enum<E>> Setting<E> choice(
      String key, Class<E> type, String description) {
    List<String> names = Arrays.stream(type.getEnumConstants()).map(Setting::name).toList();
    return one(
        key,
        String.join("|", names),
        description,
        text -> {
          int index = names.indexOf(text.toLowerCase(Locale.ROOT));
          if (index < 0) {
            throw new IllegalArgumentException(
                "expected "
                    + orList(names)
                    + ", found '"
                    + text
                    + "'"
                    + NearestName.hint(text, names));
          }
          return type.getEnumConstants()[index];
        });
  }

  /// A choice as flags and configuration files have it: types of numbers keep their own spelling.
  public static String name(Enum<?> value) {
    String lower = value.name().toLowerCase(Locale.ROOT);
    return value instanceof AdapterStorage ? lower : lower.replace('_', '-');
  }

  static String orList(List<String> names) {
    if (names.size() == 1) {
      return names.getFirst();
    }
    return names.stream().limit(names.size() - 1).collect(Collectors.joining(", "))
        + " or "
        + names.getLast();
  }

  private static Path path(String text) {
    try {
      if (!text.isBlank()) {
        return Path.of(text);
      }
    } catch (InvalidPathException _) {
      // said below
    }
    throw new IllegalArgumentException("expected a file name, found '" + text + "'");
  }

  private static boolean bool(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("expected true or false, found '" + text + "'");
    };
  }
}
