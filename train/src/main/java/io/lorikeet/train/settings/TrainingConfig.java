package io.lorikeet.train.settings;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.quant.InvalidInputException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Predicate;

/// The settings of a training run, complete and checked. [TrainingOptions#resolve] makes them of
/// what the user gave.
public final class TrainingConfig {
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

  /// Treatment of examples longer than the context.
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
    /// The assistant's texts and calls after the last message of the user.
    COMPLETION,
    /// The assistant's last turn.
    LAST_TURN,
    /// The assistant's thoughts, in all its turns.
    THOUGHTS,
    /// All turns of the assistant without the thoughts.
    ANSWERS,
    /// Everything, the prompt too.
    ALL
  }

  /// The intended use of an adapter.
  public enum Purpose {
    /// Loaded beside its base.
    ADAPTER,
    /// Merged into its base: training computes with the weights as they will be then, rounded to
    /// their own types.
    MERGED
  }

  private final Map<Setting<?>, Object> values;

  /// The given settings, completed by defaults.
  TrainingConfig(Map<Setting<?>, Object> given) {
    values = new HashMap<>(given);
    for (Setting<?> setting : Settings.all()) {
      if (!values.containsKey(setting)) {
        setting.fallback(this).ifPresent(value -> values.put(setting, value));
      }
    }
  }

  /// A setting's value.
  ///
  /// @throws NoSuchElementException where it has none: use [#find] for a setting whose default is
  ///     left to the run
  public <T> T get(Setting<T> setting) {
    return find(setting).orElseThrow(() -> new NoSuchElementException(setting + " has no value"));
  }

  /// A setting's value; empty where it wasn't given and is left to the run.
  @SuppressWarnings("unchecked") // options only hold values of a setting's own type
  public <T> Optional<T> find(Setting<T> setting) {
    return Optional.ofNullable((T) values.get(setting));
  }

  /// The learning rate over the run.
  public LearningRateSchedule learningRateSchedule() {
    double peak = get(Settings.LEARNING_RATE);
    double warmup = get(Settings.WARMUP);
    return switch (get(Settings.SCHEDULE)) {
      case CONSTANT -> new LearningRateSchedule.Constant(peak, warmup);
      case LINEAR -> new LearningRateSchedule.Linear(peak, warmup);
      case COSINE -> new LearningRateSchedule.Cosine(peak, warmup);
    };
  }

  /// The optimizer's numbers.
  public AdamWSettings adamW() {
    return new AdamWSettings(
        get(Settings.WEIGHT_DECAY),
        get(Settings.ADAM_BETA1),
        get(Settings.ADAM_BETA2),
        get(Settings.ADAM_EPSILON),
        get(Settings.LR_RATIO));
  }

  /// Whether the adapter will be merged into its base.
  public boolean isForMerging() {
    return get(Settings.FOR) == Purpose.MERGED;
  }

  /// Whether training is held to the base on neutral texts.
  public boolean keepsBase() {
    return find(Settings.KEEP_BASE).isPresent();
  }

  /// Micro-batches in one epoch.
  public int microBatches(int rows) {
    return Math.ceilDiv(rows, get(Settings.BATCH_SIZE));
  }

  /// Micro-batches per step for data of this many rows: the given number, or by default the largest
  /// power of two that keeps a step within 16,384 tokens and an epoch's rows. Where the steps
  /// follow from the epochs it also leaves at least 100 steps.
  public int accumulateFor(int rows) {
    return find(Settings.ACCUMULATE)
        .orElseGet(
            () -> {
              int chosen = 1;
              while (fits(2L * chosen, rows)) {
                chosen *= 2;
              }
              return chosen;
            });
  }

  private boolean fits(long candidate, int rows) {
    int microBatches = microBatches(rows);
    long tokens = candidate * get(Settings.BATCH_SIZE) * get(Settings.CONTEXT);
    return tokens <= DEFAULT_STEP_TOKENS
        && candidate <= microBatches
        && (find(Settings.STEPS).isPresent()
            || get(Settings.EPOCHS) * Math.ceilDiv((long) microBatches, candidate)
                >= DEFAULT_LEAST_STEPS);
  }

  /// Optimizer steps of the run over data of this many rows. The last step of an epoch may have
  /// fewer micro-batches.
  ///
  /// @throws InvalidInputException when they are more than can be counted
  public int stepsFor(int rows) {
    Optional<Integer> steps = find(Settings.STEPS);
    if (steps.isPresent()) {
      return steps.get();
    }
    long epochs = get(Settings.EPOCHS);
    long ofEpoch = Math.ceilDiv(microBatches(rows), accumulateFor(rows));
    if (epochs * ofEpoch > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          "epochs: %s of %s steps are more than %s steps; take fewer epochs"
              .formatted(epochs, ofEpoch, Integer.MAX_VALUE));
    }
    return (int) (epochs * ofEpoch);
  }

  /// This configuration with some settings changed.
  TrainingConfig with(TrainingOptions changes) {
    Map<Setting<?>, Object> changed = new HashMap<>(values);
    changed.putAll(changes.values());
    return new TrainingConfig(changed);
  }

  /// This configuration with the number of micro-batches per step decided.
  public TrainingConfig withAccumulate(int micro) {
    return with(new TrainingOptions().set(Settings.ACCUMULATE, micro));
  }

  /// This configuration with the method that the data is learned by decided.
  public TrainingConfig withMethod(Method method) {
    return with(new TrainingOptions().set(Settings.METHOD, method));
  }

  /// This configuration with another number of steps.
  public TrainingConfig withSteps(int count) {
    return with(new TrainingOptions().set(Settings.STEPS, count));
  }

  /// This configuration with the rank, alpha and targets of the adapter that the run begins with.
  public TrainingConfig withAdapter(LoraAdapter adapter) {
    List<String> names =
        adapter.pairs().stream()
            .map(pair -> pair.baseTensor().replaceFirst("^blk\\.\\d+\\.", ""))
            .map(name -> name.replaceFirst("\\.weight$", ""))
            .distinct()
            .toList();
    TrainingOptions own =
        new TrainingOptions()
            .set(Settings.ALPHA, (double) adapter.alpha())
            .set(Settings.RSLORA, false)
            .set(Settings.TARGET, names);
    highestRank(adapter, pair -> pair.experts() == 1)
        .ifPresent(rank -> own.set(Settings.RANK, RankChoice.of(rank)));
    highestRank(adapter, pair -> pair.experts() > 1)
        .ifPresent(r -> own.set(Settings.EXPERT_RANK, r));
    return with(own);
  }

  private static Optional<Integer> highestRank(LoraAdapter adapter, Predicate<LoraPair> which) {
    return adapter.pairs().stream().filter(which).map(LoraPair::rank).max(Integer::compare);
  }

  /// The settings that have a value where none are given.
  public static TrainingConfig defaults() {
    return new TrainingConfig(Map.of());
  }

  /// The adapter to train.
  public LoraSettings adapter() {
    return new LoraSettings(
        get(Settings.RANK).number(),
        get(Settings.EXPERT_RANK),
        get(Settings.ALPHA),
        get(Settings.RSLORA),
        get(Settings.DROPOUT),
        get(Settings.TARGET),
        get(Settings.SEED));
  }

  /// The settings under the keys that flags and configuration files use, in the order of
  /// [Settings#all]. Those without a value are left out. Paths are absolute, so that the run can be
  /// resumed from any folder.
  public Map<String, Object> settings() {
    Map<String, Object> written = new LinkedHashMap<>();
    Settings.all().forEach(s -> s.written(this).ifPresent(value -> written.put(s.key(), value)));
    return written;
  }

  /// The settings as text, for an adapter's metadata: without where files lie and how the run's
  /// work was kept and the adapter stored, which say nothing about the adapter and would make equal
  /// ones differ.
  public Map<String, String> settingsOfAdapter() {
    Map<String, String> texts = new LinkedHashMap<>();
    settings().forEach((key, value) -> texts.put(key, text(value)));
    Settings.all(Setting.Trait.UNRECORDED).forEach(setting -> texts.remove(setting.key()));
    return texts;
  }

  private static String text(Object written) {
    return written instanceof List<?> list
        ? String.join(",", list.stream().map(String::valueOf).toList())
        : String.valueOf(written);
  }
}
