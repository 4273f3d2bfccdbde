package io.lorikeet.train.settings;

import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;

/// The settings of a training run, complete and checked. [TrainingOptions#resolve] makes one from
/// what the user gave.
///
/// @param model GGUF file of the base
/// @param data where training examples come from
/// @param validation examples to measure on
/// @param output adapter file to write
/// @param run folder for the resolved configuration and the metrics
/// @param context tokens in a row
/// @param batchSize rows computed at once
/// @param accumulate batches whose gradients make one optimizer step; empty until the number of
///     rows is known, see [#withAccumulate]
/// @param epochs times the data is gone through; without meaning where `steps` is given
/// @param steps optimizer steps; where empty, `epochs` decides
/// @param learningRate peak of the learning rate
/// @param schedule shape of the learning rate over the run
/// @param warmup share of the steps if below 1, else steps
/// @param adamW the optimizer's
/// @param maxGradNorm global norm that gradients are clipped to; 0 for no clipping
/// @param rank rank of the adapter
/// @param expertRank rank of the pair of each expert's matrix
/// @param alpha the adapter's product is scaled by alpha / rank, or with `rslora` by alpha /
///     sqrt(rank)
/// @param dropout share of the adapter's inputs that is dropped in training
/// @param rslora rank-stabilized scaling (arXiv 2312.03732)
/// @param targets matrices to adapt: `attention`, `all-linear` or their short names
/// @param purpose what the adapter will be used as
/// @param seed of everything random: A, dropout, order, validation split
/// @param threads CPU threads
/// @param device `auto`, `cpu`, or a device such as `vulkan0` or `cuda0`
/// @param memory how much of the device's memory may be used, and where things are kept
/// @param precision of the products
/// @param tooLong what happens to examples longer than the context
/// @param skipBadLines count bad lines of data and go on, instead of refusing the file
/// @param format the layout of all data that says no other; empty to recognize each example
/// @param columns keys of the data by the keys of layouts that they stand for
/// @param cache folder for tokenized data; empty for the user's cache folder
/// @param packing several examples share a row
/// @param chatTemplate the template for chats, one of the base's, one of Lorikeet's, or a file;
///     empty for the base's own
/// @param trainOn which tokens of an example have loss
/// @param evaluateEvery steps between validations; empty for only before the first step and after
///     the last
/// @param policy how the run takes care of its work
/// @param initAdapter adapter that the run begins with, instead of one that changes nothing
/// @param store type of the numbers in the adapter's file
public record TrainingConfig(
    Path model,
    List<DataSource> data,
    ValidationData validation,
    Path output,
    Path run,
    int context,
    int batchSize,
    OptionalInt accumulate,
    int epochs,
    OptionalInt steps,
    double learningRate,
    Schedule schedule,
    double warmup,
    AdamWSettings adamW,
    double maxGradNorm,
    int rank,
    int expertRank,
    double alpha,
    double dropout,
    boolean rslora,
    List<String> targets,
    Purpose purpose,
    long seed,
    int threads,
    String device,
    MemorySettings memory,
    Precision precision,
    TooLong tooLong,
    boolean skipBadLines,
    Optional<ExampleFormat> format,
    Map<String, String> columns,
    Optional<Path> cache,
    boolean packing,
    Optional<String> chatTemplate,
    TrainOn trainOn,
    OptionalInt evaluateEvery,
    RunPolicy policy,
    Optional<Path> initAdapter,
    AdapterStorage store) {

  /// Most tokens of a step, padding included, where `accumulate` isn't given.
  public static final int DEFAULT_STEP_TOKENS = 16_384;

  /// Least steps of a run that a default `accumulate` above 1 leaves.
  static final int DEFAULT_LEAST_STEPS = 100;

  /// Shape of the learning rate over the run.
  public enum Schedule {
    CONSTANT,
    LINEAR,
    COSINE
  }

  /// What happens to examples longer than the context.
  public enum TooLong {
    /// They lose their end.
    CUT,
    /// They lose their beginning; the begin token stays.
    CUT_LEFT,
    DROP,
    /// They become several.
    SPLIT
  }

  /// Which tokens of an example have loss. An example of a prompt and a completion has one turn.
  public enum TrainOn {
    /// All turns of the assistant.
    ASSISTANT,
    /// What the assistant says and calls after the last message of the user.
    COMPLETION,
    /// The assistant's last turn.
    LAST_TURN,
    /// Everything, the prompt too.
    ALL
  }

  /// What an adapter will be used as.
  public enum Purpose {
    /// Loaded beside its base.
    ADAPTER,
    /// Merged into its base: training computes with the weights as they will be then, rounded to
    /// their own types.
    MERGED
  }

  public TrainingConfig {
    data = List.copyOf(data);
    targets = List.copyOf(targets);
    columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
  }

  /// The learning rate over the run.
  public LearningRateSchedule learningRateSchedule() {
    return switch (schedule) {
      case CONSTANT -> new LearningRateSchedule.Constant(learningRate, warmup);
      case LINEAR -> new LearningRateSchedule.Linear(learningRate, warmup);
      case COSINE -> new LearningRateSchedule.Cosine(learningRate, warmup);
    };
  }

  /// Micro-batches of `batchSize` rows in one epoch.
  public int microBatches(int rows) {
    return Math.ceilDiv(rows, batchSize);
  }

  /// Micro-batches per step for data of this many rows: what was given, else the largest power of
  /// two that keeps a step within 16,384 tokens and an epoch's rows, and leaves at least 100 steps
  /// where the steps follow from the epochs.
  public int accumulateFor(int rows) {
    if (accumulate.isPresent()) {
      return accumulate.getAsInt();
    }
    int chosen = 1;
    while (fits(2L * chosen, rows)) {
      chosen *= 2;
    }
    return chosen;
  }

  private boolean fits(long candidate, int rows) {
    int microBatches = microBatches(rows);
    boolean small =
        candidate * batchSize * context <= DEFAULT_STEP_TOKENS && candidate <= microBatches;
    boolean enough =
        steps.isPresent()
            || epochs * Math.ceilDiv((long) microBatches, candidate) >= DEFAULT_LEAST_STEPS;
    return small && enough;
  }

  /// Optimizer steps of the run over data of this many rows. The last step of an epoch may have
  /// fewer micro-batches.
  ///
  /// @throws InvalidInputException when they are more than can be counted
  public int stepsFor(int rows) {
    if (steps.isPresent()) {
      return steps.getAsInt();
    }
    long ofEpoch = Math.ceilDiv(microBatches(rows), accumulateFor(rows));
    if (epochs * ofEpoch > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          "epochs: %s of %s steps are more than %s steps; take fewer epochs"
              .formatted(epochs, ofEpoch, Integer.MAX_VALUE));
    }
    return (int) (epochs * ofEpoch);
  }

  /// This configuration with the number of micro-batches per step decided.
  public TrainingConfig withAccumulate(int micro) {
    return with(OptionalInt.of(micro), rank, expertRank, alpha, rslora, targets);
  }

  /// This configuration with the rank, alpha and targets of the adapter that the run begins with.
  public TrainingConfig withAdapter(LoraAdapter adapter) {
    List<String> names =
        adapter.pairs().stream()
            .map(pair -> pair.baseTensor().replaceFirst("^blk\\.\\d+\\.", ""))
            .map(name -> name.replaceFirst("\\.weight$", ""))
            .distinct()
            .toList();
    return with(
        accumulate,
        highestRank(adapter, pair -> pair.experts() == 1, rank),
        highestRank(adapter, pair -> pair.experts() > 1, expertRank),
        adapter.alpha(),
        false,
        names);
  }

  private static int highestRank(LoraAdapter adapter, Predicate<LoraPair> which, int withoutAny) {
    return adapter.pairs().stream().filter(which).mapToInt(LoraPair::rank).max().orElse(withoutAny);
  }

  private TrainingConfig with(
      OptionalInt micro,
      int newRank,
      int newExpertRank,
      double newAlpha,
      boolean stabilized,
      List<String> adapted) {
    return new TrainingConfig(
        model,
        data,
        validation,
        output,
        run,
        context,
        batchSize,
        micro,
        epochs,
        steps,
        learningRate,
        schedule,
        warmup,
        adamW,
        maxGradNorm,
        newRank,
        newExpertRank,
        newAlpha,
        dropout,
        stabilized,
        adapted,
        purpose,
        seed,
        threads,
        device,
        memory,
        precision,
        tooLong,
        skipBadLines,
        format,
        columns,
        cache,
        packing,
        chatTemplate,
        trainOn,
        evaluateEvery,
        policy,
        initAdapter,
        store);
  }

  /// The adapter to train.
  public LoraSettings adapter() {
    return new LoraSettings(rank, expertRank, alpha, rslora, dropout, targets, seed);
  }

  /// The settings under the keys that flags and configuration files use, in the order of
  /// [Setting#all]. Those without a value are left out. Paths are absolute, so that the run can be
  /// resumed from any folder.
  public Map<String, Object> settings() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(Setting.MODEL.key(), text(model));
    values.put(Setting.DATA.key(), data.stream().map(DataSource::setting).toList());
    switch (validation) {
      case ValidationData.None() -> {}
      case ValidationData.FromFile(DataSource source) ->
          values.put(Setting.VALIDATION.key(), source.absolutePath());
      case ValidationData.Count(int examples) -> values.put(Setting.VALIDATION.key(), examples);
      case ValidationData.Fraction(double share) -> values.put(Setting.VALIDATION.key(), share);
    }
    values.put(Setting.OUTPUT.key(), text(output));
    values.put(Setting.RUN.key(), text(run));
    values.put(Setting.CONTEXT.key(), context);
    values.put(Setting.BATCH_SIZE.key(), batchSize);
    accumulate.ifPresent(value -> values.put(Setting.ACCUMULATE.key(), value));
    steps.ifPresentOrElse(
        value -> values.put(Setting.STEPS.key(), value),
        () -> values.put(Setting.EPOCHS.key(), epochs));
    values.put(Setting.LEARNING_RATE.key(), learningRate);
    values.put(Setting.SCHEDULE.key(), lower(schedule));
    values.put(Setting.WARMUP.key(), warmup);
    values.put(Setting.WEIGHT_DECAY.key(), adamW.weightDecay());
    values.put(Setting.ADAM_BETA1.key(), adamW.beta1());
    values.put(Setting.ADAM_BETA2.key(), adamW.beta2());
    values.put(Setting.ADAM_EPSILON.key(), adamW.epsilon());
    values.put(Setting.MAX_GRAD_NORM.key(), maxGradNorm);
    values.put(Setting.RANK.key(), rank);
    values.put(Setting.EXPERT_RANK.key(), expertRank);
    values.put(Setting.ALPHA.key(), alpha);
    values.put(Setting.DROPOUT.key(), dropout);
    values.put(Setting.RSLORA.key(), rslora);
    values.put(Setting.TARGET.key(), targets);
    values.put(Setting.FOR.key(), lower(purpose));
    values.put(Setting.SEED.key(), seed);
    values.put(Setting.THREADS.key(), threads);
    values.put(Setting.DEVICE.key(), device);
    memory.deviceMemory().ifPresent(size -> values.put(Setting.DEVICE_MEMORY.key(), size + "B"));
    memory.savedInputs().ifPresent(s -> values.put(Setting.SAVED_INPUTS.key(), lower(s)));
    memory.optimizerState().ifPresent(s -> values.put(Setting.OPTIMIZER_STATE.key(), lower(s)));
    values.put(Setting.PRECISION.key(), lower(precision));
    values.put(Setting.TOO_LONG.key(), lower(tooLong));
    values.put(Setting.SKIP_BAD_LINES.key(), skipBadLines);
    format.ifPresent(layout -> values.put(Setting.FORMAT.key(), layout.option()));
    if (!columns.isEmpty()) {
      values.put(
          Setting.COLUMNS.key(),
          columns.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList());
    }
    cache.ifPresent(folder -> values.put(Setting.CACHE.key(), text(folder)));
    values.put(Setting.PACKING.key(), packing);
    chatTemplate.ifPresent(name -> values.put(Setting.CHAT_TEMPLATE.key(), templateText(name)));
    values.put(Setting.TRAIN_ON.key(), lower(trainOn));
    evaluateEvery.ifPresent(value -> values.put(Setting.EVALUATE_EVERY.key(), value));
    policy.earlyStop().ifPresent(value -> values.put(Setting.EARLY_STOP.key(), value));
    values.put(Setting.CHECKPOINT_EVERY.key(), policy.checkpointEvery().toString());
    values.put(Setting.KEEP_CHECKPOINTS.key(), policy.keepCheckpoints());
    values.put(Setting.ON_NAN.key(), lower(policy.onNan()));
    policy.maxTime().ifPresent(time -> values.put(Setting.MAX_TIME.key(), RunPolicy.text(time)));
    initAdapter.ifPresent(file -> values.put(Setting.INIT_ADAPTER.key(), text(file)));
    values.put(Setting.STORE.key(), lower(store));
    return values;
  }

  /// The settings as text, for an adapter's metadata: without where files lie and how the run's
  /// work was kept and the adapter stored, which say nothing about the adapter and would make equal
  /// ones differ.
  public Map<String, String> settingsOfAdapter() {
    Map<String, String> texts = new LinkedHashMap<>();
    settings()
        .forEach(
            (key, value) ->
                texts.put(
                    key,
                    value instanceof List<?> list
                        ? String.join(",", list.stream().map(String::valueOf).toList())
                        : String.valueOf(value)));
    Setting.PLACES.forEach(place -> texts.remove(place.key()));
    Setting.CARE.forEach(care -> texts.remove(care.key()));
    return texts;
  }

  /// A template's name; or its file, with its whole path.
  private static String templateText(String name) {
    boolean file = !ChatTemplates.BUILT_IN.contains(name) && Files.isRegularFile(Path.of(name));
    return file ? text(Path.of(name)) : name;
  }

  private static String text(Path path) {
    return path.toAbsolutePath().toString();
  }

  private static String lower(Enum<?> value) {
    return Setting.name(value);
  }
}
