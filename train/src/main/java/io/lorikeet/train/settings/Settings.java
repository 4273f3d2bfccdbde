package io.lorikeet.train.settings;

import static io.lorikeet.train.settings.Setting.Group.ADAPTER;
import static io.lorikeet.train.settings.Setting.Group.CARE;
import static io.lorikeet.train.settings.Setting.Group.COMPUTATION;
import static io.lorikeet.train.settings.Setting.Group.EXAMPLES;
import static io.lorikeet.train.settings.Setting.Group.FILES;
import static io.lorikeet.train.settings.Setting.Group.LENGTH;
import static io.lorikeet.train.settings.Setting.Group.OPTIMIZER;
import static io.lorikeet.train.settings.Setting.Group.PREFERENCES;
import static io.lorikeet.train.settings.Setting.Trait.FIRST;
import static io.lorikeet.train.settings.Setting.Trait.MAY_CHANGE;
import static io.lorikeet.train.settings.Setting.Trait.OF_DATA;
import static io.lorikeet.train.settings.Setting.Trait.OF_INITIAL_ADAPTER;
import static io.lorikeet.train.settings.Setting.Trait.OF_TOKENS;
import static io.lorikeet.train.settings.Setting.Trait.UNRECORDED;
import static io.lorikeet.train.settings.SettingType.choice;
import static io.lorikeet.train.settings.SettingType.count;
import static io.lorikeet.train.settings.SettingType.many;
import static io.lorikeet.train.settings.SettingType.names;
import static io.lorikeet.train.settings.SettingType.number;
import static io.lorikeet.train.settings.SettingType.onOrOff;
import static io.lorikeet.train.settings.SettingType.one;
import static io.lorikeet.train.settings.SettingType.path;
import static io.lorikeet.train.settings.SettingType.text;

import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Every setting of a training run, described once. Flags, help, configuration files, checks, the
/// rules for resuming a run, the key of kept tokens and docs/settings.md are made of this.
/// [TrainingConfig#get] has their values.
public final class Settings {
  /// Filled as the constants below are made.
  private static final List<Setting<?>> ALL = new ArrayList<>();

  /// Most tokens of a batch: what is counted by token stays far below 2³¹.
  public static final int MOST_TOKENS = 1 << 24;

  /// ggml's limit.
  private static final int MOST_THREADS = 512;

  /// 1 - beta is far above F32's rounding of beta.
  private static final double MOST_BETA = 0.9999;

  private static final int MOST_STEPS = 1_000_000_000;
  private static final int MOST_BATCHES = 1 << 16;

  public static final Setting<Path> MODEL =
      setting(FILES, "model", path("BASE"))
          .help(
              "base to train on: a GGUF file, a folder with one, a Hugging Face model's folder, or ollama:NAME")
          .marked(FIRST, OF_DATA, UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("m", "base");
  public static final Setting<List<DataSource>> DATA =
      setting(FILES, "data", many("FILE", DataSettingText::sources, DataSettingText::sourceTexts))
          .help("training examples: files, folders, patterns, or - for standard input")
          .marked(FIRST, OF_DATA, UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("dataset", "datasets", "train-file", "f");
  public static final Setting<List<ReplaySource>> REPLAY =
      setting(
              FILES,
              "replay",
              many("FILE:SHARE", DataSettingText::replays, DataSettingText::replayTexts))
          .help("old data to mix in against forgetting, and its share of all examples")
          .defaultsTo("", _ -> Optional.of(List.of()))
          .marked(OF_DATA, UNRECORDED, MAY_CHANGE);
  public static final Setting<ValidationData> VALIDATION =
      setting(
              FILES,
              "validation",
              one("FILE|SHARE|COUNT", DataSettingText::validation, DataSettingText::validationText))
          .help("examples to measure on: a file, or a share or number taken from the data")
          .defaultsTo("", _ -> Optional.of(new ValidationData.None()))
          .marked(FIRST, OF_DATA, UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("val-data", "eval-data", "val-set-size");
  public static final Setting<Path> NEUTRAL =
      setting(FILES, "neutral", path("FILE"))
          .help("texts on which keep-base holds training to the base, 16,384 tokens at most")
          .undecided("the base writes them")
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Path> OUTPUT =
      setting(FILES, "output", path("FILE"))
          .help("adapter to write, a GGUF file")
          .marked(FIRST, UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("o", "outfile");
  public static final Setting<Path> RUN =
      setting(FILES, "run", path("FOLDER"))
          .help("folder for configuration and metrics")
          .defaultsTo("beside the output", run -> run.find(OUTPUT).map(RunFiles::beside))
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<String> NAME =
      setting(
              FILES,
              "name",
              text("TEXT").within(name -> isLine(name, 100), "one line of up to 100 characters"))
          .help("name of the run in lists and reports")
          .undecided("its folder")
          .marked(UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("run-name");
  public static final Setting<String> NOTE =
      setting(
              FILES,
              "note",
              text("TEXT").within(note -> isLine(note, 1000), "one line of up to 1000 characters"))
          .help("sentence about the run, for lists and reports")
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Integer> CONTEXT =
      setting(LENGTH, "context", count("TOKENS", 2, MOST_TOKENS))
          .help("tokens in a row")
          .undecided("2048, or the base's context if shorter")
          .marked(FIRST, OF_DATA, OF_TOKENS)
          .alsoKnownAs(
              "max-length",
              "max-seq-length",
              "max-seq-len",
              "sequence-len",
              "cutoff-len",
              "c",
              "ctx-size",
              "max-tokens");
  public static final Setting<Integer> BATCH_SIZE =
      setting(LENGTH, "batch-size", count("ROWS", 1, MOST_BATCHES))
          .help("rows computed at once")
          .defaultsTo(1);
  public static final Setting<Integer> ACCUMULATE =
      setting(LENGTH, "accumulate", count("N", 1, MOST_BATCHES))
          .help("batches per optimizer step")
          .undecided("up to 16,384 tokens")
          .alsoKnownAs("gradient-accumulation-steps", "grad-accumulation-steps", "grad-accum");
  public static final Setting<Integer> EPOCHS =
      setting(LENGTH, "epochs", count("N", 1, 1_000_000))
          .help("times to go through the data")
          .defaultsTo(
              "1", run -> run.find(Settings.STEPS).isPresent() ? Optional.empty() : Optional.of(1))
          .marked(FIRST, MAY_CHANGE);
  public static final Setting<Integer> STEPS =
      setting(LENGTH, "steps", count("N", 1, MOST_STEPS))
          .help("optimizer steps, instead of epochs")
          .marked(MAY_CHANGE)
          .alsoKnownAs("max-iters", "iters");
  public static final Setting<Double> LEARNING_RATE =
      setting(OPTIMIZER, "learning-rate", number("RATE", 1e-30, 1e38))
          .help("peak of the learning rate")
          .defaultsTo(2e-4)
          .alsoKnownAs("lr")
          .marked(FIRST);
  public static final Setting<Double> LR_RATIO =
      setting(OPTIMIZER, "lr-ratio", number("RATIO", 1e-3, 1e4))
          .help("B's learning rate as a multiple of A's (LoRA+)")
          .defaultsTo(1.0)
          .alsoKnownAs("loraplus-lr-ratio");
  public static final Setting<TrainingConfig.Schedule> SCHEDULE =
      setting(OPTIMIZER, "schedule", choice(TrainingConfig.Schedule.class))
          .help("learning rate over the run")
          .defaultsTo(TrainingConfig.Schedule.LINEAR)
          .alsoKnownAs("lr-scheduler", "lr-scheduler-type");
  public static final Setting<Double> WARMUP =
      setting(OPTIMIZER, "warmup", number("SHARE|STEPS", 0, 1e9))
          .help("steps of rising rate: a share below 1, or their number")
          .defaultsTo(0.1);
  public static final Setting<Double> WEIGHT_DECAY =
      setting(OPTIMIZER, "weight-decay", number("RATE", 0, 100))
          .help("decoupled weight decay")
          .defaultsTo(0.0);
  public static final Setting<Double> ADAM_BETA1 =
      setting(OPTIMIZER, "adam-beta1", number("RATE", 0, MOST_BETA))
          .help("decay of AdamW's mean of the gradients")
          .defaultsTo(AdamWSettings.BETA1);
  public static final Setting<Double> ADAM_BETA2 =
      setting(OPTIMIZER, "adam-beta2", number("RATE", 0, MOST_BETA))
          .help("decay of AdamW's mean of their squares")
          .defaultsTo(AdamWSettings.BETA2);
  public static final Setting<Double> ADAM_EPSILON =
      setting(OPTIMIZER, "adam-epsilon", number("NUMBER", 1e-30, 1))
          .help("added to the root of that mean before dividing by it")
          .defaultsTo(AdamWSettings.EPSILON);
  public static final Setting<Double> MAX_GRAD_NORM =
      setting(OPTIMIZER, "max-grad-norm", number("NORM", 0, 1e9))
          .help("norm that gradients are clipped to, 0 for none")
          .defaultsTo(1.0)
          .alsoKnownAs("gradient-clipping");
  public static final Setting<Double> KEEP_BASE =
      setting(OPTIMIZER, "keep-base", number("WEIGHT", 1e-6, 1e6))
          .help("weight in the loss of the divergence from the base on neutral texts");
  public static final Setting<RankChoice> RANK =
      setting(
              ADAPTER,
              "rank",
              one("N|auto[:PARAMETERS]", RankChoice::parse, RankChoice::written)
                  .within(RankChoice::isWithinBounds, "a whole number from 1 to 65536, or auto"))
          .help("rank of the adapter; auto finds one for each matrix, by the data")
          .defaultsTo(RankChoice.of(RankChoice.USUAL))
          .marked(FIRST, OF_INITIAL_ADAPTER)
          .alsoKnownAs("r", "lora-r");
  public static final Setting<Integer> EXPERT_RANK =
      setting(ADAPTER, "expert-rank", count("N", 1, RankChoice.MOST))
          .help("rank for each expert's matrices in mixtures of experts")
          .defaultsTo(LoraSettings.EXPERT_RANK)
          .marked(OF_INITIAL_ADAPTER);
  public static final Setting<Double> ALPHA =
      setting(ADAPTER, "alpha", number("ALPHA", 1e-9, 1e9))
          .help("the adapter is scaled by alpha / rank")
          .defaultsTo("twice the rank", run -> Optional.of(2.0 * run.get(RANK).number()))
          .marked(OF_INITIAL_ADAPTER);
  public static final Setting<Double> DROPOUT =
      setting(ADAPTER, "dropout", number("SHARE", 0, 0.99))
          .help("share of the adapter's inputs dropped in training")
          .defaultsTo(0.0);
  public static final Setting<Boolean> RSLORA =
      setting(ADAPTER, "rslora", onOrOff())
          .help("scale by alpha / sqrt(rank) instead")
          .defaultsTo(false)
          .marked(OF_INITIAL_ADAPTER);
  public static final Setting<List<String>> TARGET =
      setting(ADAPTER, "target", names("NAME"))
          .help("matrices to adapt: all-linear, attention, or names")
          .defaultsTo(List.of("all-linear"))
          .marked(OF_INITIAL_ADAPTER)
          .alsoKnownAs("modules");
  public static final Setting<String> INVOCATION =
      setting(ADAPTER, "invocation", text("TEXT").within(text -> !text.isEmpty(), "some text"))
          .help("text of the prompt from which on the adapter acts (aLoRA)")
          .marked(OF_DATA, OF_TOKENS)
          .alsoKnownAs("invocation-string", "alora-invocation-string");
  public static final Setting<TrainingConfig.Purpose> FOR =
      setting(ADAPTER, "for", choice(TrainingConfig.Purpose.class))
          .help("use of the adapter: loaded as it is, or merged into its base")
          .defaultsTo(TrainingConfig.Purpose.ADAPTER);
  public static final Setting<Long> SEED =
      setting(LENGTH, "seed", one("N", WholeRange.ANY::parse, number -> number))
          .help("seed of everything random")
          .defaultsTo(42L)
          .marked(OF_DATA);
  public static final Setting<Integer> THREADS =
      setting(COMPUTATION, "threads", count("N", 1, MOST_THREADS))
          .help("CPU threads")
          .defaultsTo("the physical cores", _ -> Optional.of(ProcessorCores.physical()))
          .marked(OF_DATA, MAY_CHANGE)
          .alsoKnownAs("t");
  public static final Setting<String> DEVICE =
      setting(
              COMPUTATION,
              "device",
              text("NAME")
                  .within(
                      name -> name.matches("[A-Za-z]+[0-9]*"),
                      "auto, cpu, or a device such as vulkan0"))
          .help("auto, cpu, vulkan0, cuda0, …")
          .defaultsTo("auto")
          .marked(FIRST, MAY_CHANGE);
  public static final Setting<Long> DEVICE_MEMORY =
      setting(COMPUTATION, "device-memory", one("SIZE", MemorySize::bytes, bytes -> bytes + "B"))
          .help("the most memory of the device to use, such as 8GB")
          .undecided("the free memory")
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<SavedInputs> SAVED_INPUTS =
      setting(COMPUTATION, "saved-inputs", choice(SavedInputs.class))
          .help("where the layers' inputs are kept for backward")
          .undecided("as memory allows");
  public static final Setting<Recompute> RECOMPUTE =
      setting(COMPUTATION, "recompute", choice(Recompute.class))
          .help("parts of a layer that backward computes again instead of keeping them")
          .defaultsTo(Recompute.AUTO)
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<OptimizerState> OPTIMIZER_STATE =
      setting(COMPUTATION, "optimizer-state", choice(OptimizerState.class))
          .help("where AdamW's moments are kept")
          .undecided("as memory allows")
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Precision> PRECISION =
      setting(COMPUTATION, "precision", choice(Precision.class))
          .help("precision of the products")
          .defaultsTo(Precision.AUTO);
  public static final Setting<TrainingConfig.TooLong> TOO_LONG =
      setting(EXAMPLES, "too-long", choice(TrainingConfig.TooLong.class))
          .help("handling of examples over the context")
          .defaultsTo(TrainingConfig.TooLong.CUT)
          .marked(OF_DATA, OF_TOKENS);
  public static final Setting<Boolean> SKIP_BAD_LINES =
      setting(EXAMPLES, "skip-bad-lines", onOrOff())
          .help("count bad lines of data and go on")
          .defaultsTo(false)
          .marked(OF_DATA, OF_TOKENS);
  public static final Setting<ExampleFormat> FORMAT =
      setting(EXAMPLES, "format", choice(ExampleFormat.class))
          .help("layout of all the data")
          .undecided("recognized by keys")
          .marked(OF_DATA);
  public static final Setting<Map<String, String>> COLUMNS =
      setting(
              EXAMPLES,
              "columns",
              many("KEY=KEY", DataSettingText::columns, DataSettingText::columnTexts))
          .help("keys of the data by their meaning: prompt=question,completion=reply")
          .defaultsTo("", _ -> Optional.of(Map.of()))
          .marked(OF_DATA, OF_TOKENS);
  public static final Setting<Path> CACHE =
      setting(FILES, "cache", path("FOLDER"))
          .help("folder for tokenized data")
          .undecided("lorikeet in the user's cache folder")
          .marked(OF_DATA, UNRECORDED, MAY_CHANGE);
  public static final Setting<Boolean> PACKING =
      setting(EXAMPLES, "packing", onOrOff())
          .help("let several examples share a row")
          .defaultsTo(true)
          .marked(OF_DATA);
  public static final Setting<String> CHAT_TEMPLATE =
      setting(EXAMPLES, "chat-template", one("NAME|FILE", name -> name, DataSettingText::template))
          .help("template for chats")
          .undecided("the base's own")
          .marked(OF_DATA)
          .alsoKnownAs("template");
  public static final Setting<TrainingConfig.TrainOn> TRAIN_ON =
      setting(EXAMPLES, "train-on", choice(TrainingConfig.TrainOn.class))
          .help("whose tokens have loss")
          .defaultsTo(
              "assistant, all its turns", _ -> Optional.of(TrainingConfig.TrainOn.ASSISTANT))
          .marked(OF_DATA, OF_TOKENS);
  public static final Setting<Integer> EVALUATE_EVERY =
      setting(CARE, "evaluate-every", count("STEPS", 1, MOST_STEPS))
          .help("steps between validations")
          .undecided("only first and last")
          .marked(FIRST, MAY_CHANGE)
          .alsoKnownAs("eval-steps", "steps-per-eval");
  public static final Setting<Path> GATE =
      setting(CARE, "gate", path("FILE"))
          .help("conditions that the best adapter has to pass in llama.cpp at validation, YAML")
          .marked(UNRECORDED);
  public static final Setting<Integer> EARLY_STOP =
      setting(CARE, "early-stop", count("N", 1, MOST_STEPS))
          .help("end after this many validations without a better one")
          .marked(MAY_CHANGE);
  public static final Setting<RunPolicy.Interval> CHECKPOINT_EVERY =
      setting(
              CARE,
              "checkpoint-every",
              one("TIME|STEPS", RunPolicy::interval, RunPolicy.Interval::toString))
          .help("time such as 10m, or steps, between checkpoints")
          .defaultsTo(new RunPolicy.Interval.Time(Duration.ofMinutes(5)))
          .marked(UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("save-steps");
  public static final Setting<Integer> KEEP_CHECKPOINTS =
      setting(CARE, "keep-checkpoints", count("N", 1, MOST_STEPS))
          .help("newest checkpoints to keep, besides the best")
          .defaultsTo(2)
          .marked(UNRECORDED, MAY_CHANGE)
          .alsoKnownAs("save-total-limit");
  public static final Setting<RunPolicy.OnNan> ON_NAN =
      setting(CARE, "on-nan", choice(RunPolicy.OnNan.class))
          .help("handling of a step whose numbers go wrong")
          .defaultsTo(RunPolicy.OnNan.STOP)
          .marked(MAY_CHANGE);
  public static final Setting<RunPolicy.Log> LOG =
      setting(CARE, "log", choice(RunPolicy.Log.class))
          .help("tensorboard: also write the run's numbers for TensorBoard, into its folder")
          .defaultsTo(RunPolicy.Log.METRICS)
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<List<SampleSource>> SAMPLE =
      setting(
              CARE,
              "sample",
              many(
                  "PROMPT|FILE",
                  texts -> texts.stream().map(SampleSource::parse).toList(),
                  sources -> sources.stream().map(SampleSource::text).toList()))
          .help("prompt that llama.cpp answers at each validation, or a file with one on each line")
          .defaultsTo("", _ -> Optional.of(List.of()))
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Integer> SAMPLE_TOKENS =
      setting(CARE, "sample-tokens", count("TOKENS", 1, 4096))
          .help("tokens of such an answer at most")
          .defaultsTo(64)
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Boolean> ALLOW_IDLE =
      setting(CARE, "allow-idle", onOrOff())
          .help("train on where adapted matrices have no gradient in the second step")
          .defaultsTo(false)
          .marked(MAY_CHANGE);
  public static final Setting<Duration> MAX_TIME =
      setting(CARE, "max-time", one("TIME", RunPolicy::duration, RunPolicy::text))
          .help("stop after this time, such as 55m, with a checkpoint to resume from")
          .marked(UNRECORDED, MAY_CHANGE);
  public static final Setting<Path> INIT_ADAPTER =
      setting(FILES, "init-adapter", path("FILE"))
          .help("adapter to begin with, a GGUF file; rank, alpha and targets are its own")
          .marked(UNRECORDED);
  public static final Setting<AdapterStorage> STORE =
      setting(ADAPTER, "store", choice(AdapterStorage.class))
          .help("type of the numbers in the adapter's file, as which it is proven")
          .defaultsTo(AdapterStorage.F32)
          .marked(UNRECORDED, MAY_CHANGE);

  public static final Setting<Method> METHOD =
      setting(PREFERENCES, "method", choice(Method.class))
          .help("how preferences are learned, or (contrastive) embeddings of queries and passages")
          .undecided("dpo or contrastive where the data is for it, else none")
          .marked(OF_DATA)
          .alsoKnownAs("rl", "loss-type", "pref-loss");
  public static final Setting<Double> BETA =
      setting(PREFERENCES, "beta", number("NUMBER", 1e-6, 1e6))
          .help("hold on the reference; factor of SimPO's rewards; weight of ORPO's odds ratio")
          .defaultsTo(
              "0.1, for simpo 2",
              run ->
                  run.find(METHOD)
                      .filter(method -> method != Method.CONTRASTIVE)
                      .map(
                          method ->
                              method == Method.SIMPO
                                  ? PreferenceSettings.SIMPO_BETA
                                  : PreferenceSettings.BETA))
          .alsoKnownAs("dpo-beta", "pref-beta", "orpo-alpha");
  public static final Setting<Double> LABEL_SMOOTHING =
      setting(PREFERENCES, "label-smoothing", number("SHARE", 0, 0.499))
          .help("dpo, simpo: share of pairs taken to be the wrong way round")
          .defaultsTo("0", run -> of(run, 0, Method.DPO, Method.SIMPO))
          .alsoKnownAs("dpo-label-smoothing");
  public static final Setting<Double> SFT_WEIGHT =
      setting(PREFERENCES, "sft-weight", number("NUMBER", 0, 1e6))
          .help("weight of the chosen answer's mean loss per token beside the method's")
          .defaultsTo(
              "0, for orpo 1",
              run ->
                  of(run, 1, Method.ORPO)
                      .or(() -> of(run, 0, Method.DPO, Method.IPO, Method.SIMPO)))
          .alsoKnownAs("rpo-alpha", "cpo-alpha", "pref-ftx");
  public static final Setting<Double> GAMMA =
      setting(PREFERENCES, "gamma", number("NUMBER", 0, 1e6))
          .help("simpo: by how much the chosen answer's reward is to be higher")
          .defaultsTo("1", run -> of(run, 1, Method.SIMPO))
          .alsoKnownAs("simpo-gamma");
  public static final Setting<Double> DESIRABLE_WEIGHT =
      setting(PREFERENCES, "desirable-weight", number("NUMBER", 0, 1e6))
          .help("kto: weight of answers labelled true")
          .defaultsTo("1", run -> of(run, 1, Method.KTO))
          .alsoKnownAs("kto-chosen-weight");
  public static final Setting<Double> UNDESIRABLE_WEIGHT =
      setting(PREFERENCES, "undesirable-weight", number("NUMBER", 0, 1e6))
          .help("kto: weight of answers labelled false")
          .defaultsTo("1", run -> of(run, 1, Method.KTO))
          .alsoKnownAs("kto-rejected-weight");
  public static final Setting<Double> CONTRASTIVE_TEMPERATURE =
      setting(PREFERENCES, "contrastive-temperature", number("NUMBER", 1e-3, 10))
          .help("contrastive: divisor of the cosines of embeddings")
          .defaultsTo("0.05", run -> of(run, 0.05, Method.CONTRASTIVE));
  public static final Setting<String> QUERY_PREFIX =
      setting(
              PREFERENCES,
              "query-prefix",
              text("TEXT").within(text -> !text.isEmpty(), "some text"))
          .help("contrastive: text before every query, such as the base's instruction")
          .marked(OF_DATA, OF_TOKENS);
  public static final Setting<Path> REFERENCE_ADAPTER =
      setting(PREFERENCES, "reference-adapter", path("FILE"))
          .help("dpo, ipo, kto: adapter that is the reference, instead of what the run begins with")
          .marked(UNRECORDED)
          .alsoKnownAs("ref-adapter-name", "ref-model-adapters");

  private Settings() {}

  /// A default that only some methods have use for.
  private static Optional<Double> of(TrainingConfig run, double value, Method... methods) {
    return run.find(METHOD).filter(List.of(methods)::contains).map(_ -> value);
  }

  private static <T> Setting<T> setting(Setting.Group group, String key, SettingType<T> type) {
    Setting<T> setting = new Setting<>(group, key, type);
    ALL.add(setting);
    return setting;
  }

  private static boolean isLine(String text, int most) {
    return !text.isBlank()
        && text.length() <= most
        && text.chars().noneMatch(Character::isISOControl);
  }

  /// All, in the order in which configuration files show them.
  public static List<Setting<?>> all() {
    return List.copyOf(ALL);
  }

  /// Those with a trait.
  public static List<Setting<?>> all(Setting.Trait trait) {
    return ALL.stream().<Setting<?>>filter(setting -> setting.is(trait)).toList();
  }

  /// The one with this key.
  public static Optional<Setting<?>> named(String key) {
    return ALL.stream().<Setting<?>>filter(setting -> setting.key().equals(key)).findFirst();
  }

  /// Keys of all.
  public static List<String> keys() {
    return ALL.stream().map(Setting::key).toList();
  }
}
