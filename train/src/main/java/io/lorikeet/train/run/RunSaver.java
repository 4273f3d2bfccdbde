package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.checkpoint.Checkpoint;
import io.lorikeet.train.checkpoint.CheckpointFolder;
import io.lorikeet.train.checkpoint.CheckpointWriter;
import io.lorikeet.train.checkpoint.StateLayout;
import io.lorikeet.train.checkpoint.StateValues;
import io.lorikeet.train.checkpoint.StateVector;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.PreferenceSettings;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Decides when a run's state is saved, gathers what belongs to it, and puts it back.
@Beta
public final class RunSaver implements AutoCloseable {
  /// The configuration as YAML.
  static final String CONFIG = StateValues.key("config");

  /// The [Computation] as YAML.
  static final String COMPUTATION = StateValues.key("computation");

  private static final String SEED = StateValues.key("seed");
  private static final String OPTIMIZER_STEPS = StateValues.key("optimizer.steps");
  private static final String ALPHA = "adapter.lora.alpha";
  private static final String BASE_HASH = StateValues.key("base.sha256");
  private static final String DATA_HASH = StateValues.key("data.sha256");
  private static final String GATE_HASH = StateValues.key("gate.sha256");
  private static final String BEST_SKIPPED =
      "the checkpoint of the best step can't be read, so only the last adapter is written: ";

  private final TrainingConfig config;
  private final Run run;
  private final LoraParameters lora;
  private final AdamW optimizer;
  private final StateLayout layout;
  private final CheckpointFolder folder;
  private final CheckpointWriter writer;
  private int savedStep = -1;
  private int savedEvaluated = -1;
  private int savedBest;
  private long savedAt = System.nanoTime();

  /// The run that a state belongs to.
  ///
  /// @param dataHash of the rows, see [DataHash]
  /// @param gateHash of the gate with its files; empty where there is none
  /// @param alpha the adapter's, exactly as it was made or read
  /// @param computation how it is computed
  /// @param events told of problems while the run goes on
  public record Run(
      RunFolder folder,
      GgufFile base,
      String dataHash,
      Optional<String> gateHash,
      float alpha,
      Computation computation,
      MetricsFile metrics,
      TrainingListener events) {}

  public RunSaver(TrainingConfig config, Run run, LoraParameters lora, AdamW optimizer) {
    this.config = config;
    this.run = run;
    this.lora = lora;
    this.optimizer = optimizer;
    List<StateVector> vectors = new ArrayList<>();
    vectors.add(StateVector.of("", lora.values()));
    vectors.addAll(optimizer.state());
    String architecture = run.base().metadata().requireString("general.architecture");
    layout =
        new StateLayout(
            architecture, lora.slots(), lora.values().shape().elements(), List.copyOf(vectors));
    folder = run.folder().checkpoints();
    writer = new CheckpointWriter(folder, config.get(Settings.KEEP_CHECKPOINTS), layout);
  }

  /// The alpha that a checkpoint's adapter has.
  public static float alpha(Checkpoint checkpoint) {
    return (float) checkpoint.metadata().requireReal(ALPHA);
  }

  /// How the state was computed.
  ///
  /// @param config of the run
  public static Computation computation(Checkpoint checkpoint, TrainingConfig config) {
    return Computation.parse(
        checkpoint.path().toString(),
        checkpoint.metadata().requireString(COMPUTATION),
        config.get(Settings.BATCH_SIZE),
        config.get(Settings.CONTEXT));
  }

  /// @throws InvalidInputException when base or data aren't those that the state was trained on, or
  ///     the gate isn't the one that it was judged by
  public static void requireSame(
      Checkpoint checkpoint,
      GgufFile base,
      String dataHash,
      Optional<String> gateHash,
      TrainingConfig c)
      throws IOException {
    GgufMetadata saved = checkpoint.metadata();
    List<String> problems = new ArrayList<>();
    if (!saved.requireString(BASE_HASH).equals(base.hash())) {
      problems.add(
          "the base %s isn't the file that the run began with; give that one by --model"
              .formatted(base.path()));
    }
    if (!saved.requireString(DATA_HASH).equals(dataHash)) {
      problems.add(
          "the data doesn't give the rows that the run began with: was one of %s changed?"
              .formatted(String.join(", ", files(c))));
    }
    Optional<String> savedGate = saved.string(GATE_HASH); // older checkpoints have none
    if (savedGate.isPresent() && !savedGate.equals(gateHash)) {
      problems.add(
          "the gate %s, or a file that it names, was changed: the best adapter so far was judged by the old one"
              .formatted(c.get(Settings.GATE)));
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of("resume: the run can't go on exactly", problems);
    }
  }

  private static List<String> files(TrainingConfig config) {
    Stream<String> data = config.get(Settings.DATA).stream().map(DataSource::path);
    Stream<Path> others =
        Stream.of(config.find(Settings.NEUTRAL), PreferenceSettings.reference(config))
            .flatMap(Optional::stream);
    return Stream.concat(data, others.map(Path::toString)).toList();
  }

  /// Makes ready for checkpoints: the folder, and room for as many as are kept at a time.
  ///
  /// @throws IOException when there is no room
  public void prepare() throws IOException {
    folder.prepare();
    boolean hasBest = config.find(Settings.EVALUATE_EVERY).isPresent();
    int most = config.get(Settings.KEEP_CHECKPOINTS) + (hasBest ? 1 : 0) + 1;
    folder.requireRoomFor(most, layout.bytes());
  }

  /// Puts a saved state back into parameters and optimizer.
  public void restore(Checkpoint checkpoint) {
    checkpoint.restore(layout);
    optimizer.setSteps(RunProgress.count(checkpoint.metadata(), OPTIMIZER_STEPS));
  }

  /// Saves the state after a step where it is time to. A failure to save is reported, and the next
  /// time it is tried again: the run itself can go on.
  public void saveIfDue(RunProgress progress) {
    boolean best = progress.bestStep() == progress.step() && progress.bestStep() != savedBest;
    boolean due =
        switch (config.get(Settings.CHECKPOINT_EVERY)) {
          case RunPolicy.Interval.Steps(int count) -> progress.step() % count == 0;
          case RunPolicy.Interval.Time(var time) ->
              System.nanoTime() - savedAt >= time.toNanos() && !writer.isBusy();
        };
    if (best || due) {
      trySave(progress);
    }
  }

  /// Begins to save the state after the last step, and only tells what goes wrong.
  public void trySave(RunProgress progress) {
    try {
      save(progress);
    } catch (IOException e) {
      warn(e);
    }
  }

  private void warn(Exception problem) {
    run.events().on(new TrainingEvent.Warning("no checkpoint: " + problem.getMessage()));
  }

  private void save(RunProgress progress) throws IOException {
    if (savedStep == progress.step() && savedEvaluated == progress.evaluatedStep()) {
      return;
    }
    savedAt = System.nanoTime();
    Map<String, GgufValue> values = progress.values();
    values.put(OPTIMIZER_STEPS, StateValues.whole(optimizer.steps()));
    values.put(SEED, StateValues.whole(config.get(Settings.SEED)));
    values.put(CONFIG, new GgufValue.TextValue(ConfigFile.write(config)));
    values.put(COMPUTATION, new GgufValue.TextValue(run.computation().text()));
    values.put(DATA_HASH, new GgufValue.TextValue(run.dataHash()));
    run.gateHash().ifPresent(hash -> values.put(GATE_HASH, new GgufValue.TextValue(hash)));
    values.put(ALPHA, StateValues.real(run.alpha()));
    savedStep = -1;
    writer.begin(progress.step(), progress.bestStep(), values, this::beforeWriting);
    savedStep = progress.step();
    savedEvaluated = progress.evaluatedStep();
    savedBest = progress.bestStep();
  }

  /// A checkpoint must not be ahead of the metrics on disk.
  private Map<String, GgufValue> beforeWriting() throws IOException {
    run.metrics().force();
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put(BASE_HASH, new GgufValue.TextValue(run.base().hash()));
    return values;
  }

  /// Saves the state after the last step and waits until it is on disk.
  ///
  /// @throws IOException when it can't be written
  public void finish(RunProgress progress) throws IOException {
    try {
      writer.await();
    } catch (IOException e) {
      savedStep = -1; // the begun checkpoint isn't there, so it is tried once more
    }
    save(progress);
    writer.await();
  }

  /// As [#finish], and only tells what goes wrong.
  ///
  /// @return whether the state is on disk
  public boolean tryFinish(RunProgress progress) {
    try {
      finish(progress);
      return true;
    } catch (IOException | GgmlException e) { // a device that is lost can't give its state either
      warn(e);
      return false;
    }
  }

  /// Advice after a failure of which no state was saved.
  public String howToGoOn() {
    writer.close(); // the checkpoint being written counts
    boolean saved = true;
    try {
      saved = !folder.isEmpty();
    } catch (IOException e) {
      warn(e);
    }
    return (saved
            ? "go on from the last checkpoint with: "
            : "there is no checkpoint yet; begin again with: ")
        + ResumedRun.command(config.get(Settings.RUN));
  }

  /// Takes the newest checkpoint's state back.
  ///
  /// @return the step that it was saved after
  public int rollBack() throws IOException {
    try {
      writer.await();
    } catch (IOException e) {
      warn(e);
    }
    try (Checkpoint checkpoint = newest(folder, run.events()).orElseThrow()) {
      restore(checkpoint);
      savedStep = -1;
      return new RunProgress(checkpoint.metadata()).step();
    }
  }

  /// The newest checkpoint that is whole.
  ///
  /// @param events warned of damaged ones
  public static Optional<Checkpoint> newest(CheckpointFolder folder, TrainingListener events)
      throws IOException {
    return folder.openNewest(text -> events.on(new TrainingEvent.Warning(text)));
  }

  /// The adapter that had the lowest validation loss, where it was measured between the steps.
  public Optional<TrainingResult.Best> best(RunProgress progress, LoraAdapter last)
      throws IOException {
    if (config.find(Settings.EVALUATE_EVERY).isEmpty() || progress.bestLoss().isEmpty()) {
      return Optional.empty();
    }
    double loss = progress.bestLoss().getAsDouble();
    if (progress.bestStep() == progress.step()) {
      return Optional.of(new TrainingResult.Best(last, progress.step(), loss));
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder.file(progress.bestStep()))) {
      LoraAdapter adapter = lora.adapter(checkpoint.adapter(last.alpha()).pairs());
      return Optional.of(new TrainingResult.Best(adapter, progress.bestStep(), loss));
    } catch (InvalidInputException e) {
      run.events().on(new TrainingEvent.Warning(BEST_SKIPPED + e.getMessage()));
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    writer.close();
  }
}
