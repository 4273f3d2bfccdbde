package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.evaluation.GateRun;
import io.lorikeet.finetune.report.AdapterCard;
import io.lorikeet.finetune.report.RunRecorder;
import io.lorikeet.finetune.report.RunSummary;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.AdapterPlaces;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// From settings to a proven adapter: trains, writes the adapter's file and that of the best one,
/// and proves in llama.cpp that the adapter does what was trained.
public final class FineTuning {
  private final TrainingListener listener;
  private StopRequest stop = new StopRequest();
  private boolean stepped;
  private Optional<Machines> machines = Optional.empty();
  private @Nullable GgufFile opened;

  /// @param listener told of all that happens, on the thread that calls
  public FineTuning(TrainingListener listener) {
    this.listener = listener;
  }

  /// Stops when asked to, from any thread, until [TrainingEvent.Trained] is told.
  public FineTuning stopOn(StopRequest request) {
    stop = request;
    return this;
  }

  /// Uses a base that is open already, and leaves it open.
  ///
  /// @param base that of all configurations
  public FineTuning on(GgufFile base) {
    opened = base;
    return this;
  }

  /// Has other machines compute the micro-batches.
  @Beta
  public FineTuning across(Machines given) {
    machines = Optional.of(given);
    return this;
  }

  /// Trains from the first step to the last, and leaves the adapter in the output file and in the
  /// run folder.
  ///
  /// @param replace whether outputs that exist may be replaced
  /// @throws InvalidInputException when the base, the data or the settings can't be used, or an
  ///     output exists
  /// @throws UnusableStepException when a loss or gradient isn't a finite number, or is far outside
  /// @throws StoppedException when it was asked to stop, or the time it was given is over
  /// @throws IOException when a file can't be read or written
  public FineTuned run(TrainingConfig config, boolean replace) throws IOException {
    try (OutputPlan.Claims _ = outputs(config).claim(replace)) {
      return finish(config, Trainer::run);
    }
  }

  /// Goes on with the run in a folder, whose own outputs are replaced.
  ///
  /// @param run the run's folder
  /// @param changes settings that are given anew
  /// @param replace whether other files may be replaced too
  /// @throws InvalidInputException when there is no such run, base or data were changed, or with
  ///     all changes that can't be made; and as [#run] otherwise
  public FineTuned resume(Path run, TrainingOptions changes, boolean replace) throws IOException {
    TrainingConfig config = ResumedRun.config(run, changes, listener);
    boolean own = true;
    for (AdapterPlaces places : places(config)) {
      own &= !Files.exists(places.file()) || places.areEqual();
    }
    try (OutputPlan.Claims _ = outputs(config).claim(replace || own)) {
      return finish(config, Trainer::resume);
    }
  }

  private OutputPlan outputs(TrainingConfig config) throws IOException {
    OutputPlan plan = new OutputPlan().keeps("run", config.get(Settings.RUN), RunFiles.ALL);
    if (config.find(Settings.GATE).isPresent()) {
      GateRun.inputs(config.get(Settings.GATE)).forEach(file -> plan.reads("gate", file));
    }
    machines.ifPresent(
        cluster -> cluster.files().forEach(file -> plan.reads("cluster-config", file)));
    places(config).forEach(places -> plan.writes("output", places.file()));
    return plan.writes("the model card", AdapterPlaces.card(config.get(Settings.OUTPUT)));
  }

  /// Of the last adapter, and of the best if there is going to be one.
  private static List<AdapterPlaces> places(TrainingConfig config) {
    AdapterPlaces last = AdapterPlaces.last(config.get(Settings.OUTPUT), config.get(Settings.RUN));
    return config.find(Settings.EVALUATE_EVERY).isPresent()
        ? List.of(last, AdapterPlaces.best(config.get(Settings.OUTPUT), config.get(Settings.RUN)))
        : List.of(last);
  }

  @FunctionalInterface
  private interface Training {
    TrainingResult with(Trainer trainer) throws IOException;
  }

  /// Trains with a recorder of the run's story, which also hears of every other end.
  private FineTuned finish(TrainingConfig config, Training training) throws IOException {
    if (opened != null) {
      return finish(config, training, opened);
    }
    try (GgufFile base = GgufFile.open(config.get(Settings.MODEL))) {
      return finish(config, training, base);
    }
  }

  private FineTuned finish(TrainingConfig config, Training training, GgufFile base)
      throws IOException {
    BaseIdentity identity = BaseIdentity.of(base);
    RunRecorder recorder =
        new RunRecorder(config.get(Settings.RUN), RunSummary.Base.of(base, identity), listener);
    Training onBase = trainer -> training.with(trainer.on(base));
    try {
      FineTuned done = finish(config, base, identity, onBase, recorder);
      recorder.ended(RunSummary.Outcome.FINISHED, "");
      if (done.verification().isPresent()) {
        writeCard(done.config(), identity);
      }
      return done;
    } catch (StoppedException e) {
      recorder.ended(RunSummary.Outcome.STOPPED, String.valueOf(e.getMessage()));
      throw e;
    } catch (IOException | RuntimeException | Error e) {
      recorder.ended(RunSummary.Outcome.FAILED, String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private FineTuned finish(
      TrainingConfig config,
      GgufFile base,
      BaseIdentity identity,
      Training training,
      RunRecorder recorder)
      throws IOException {
    stepped = false;
    TrainingListener counted =
        event -> {
          stepped |= event instanceof TrainingEvent.StepDone;
          recorder.on(event);
        };
    Trainer trainer = new Trainer(config, counted).stopOn(stop);
    machines.ifPresent(trainer::across);
    if (config.find(Settings.GATE).isPresent()) {
      trainer.judgedBy(GateJudge.of(config, base, identity, counted));
    }
    TrainingResult result = training.with(trainer);
    listener.on(new TrainingEvent.Trained(result.steps()));
    Optional<TrainedTemplate> template = template(result.chatTemplate());
    AdapterMetadata metadata =
        new AdapterMetadata(identity, result.config().settingsOfAdapter(), template);
    List<AdapterPlaces> places = places(config);
    boolean written = write(result.adapter(), metadata, config, places.getFirst());
    if (template.isPresent()) {
      TemplateFile.write(
          config.get(Settings.OUTPUT), Optional.of(config.get(Settings.MODEL)), template.get());
    }
    Optional<Path> best = result.best().map(_ -> places.getLast().file());
    if (result.best().isPresent()) {
      written |= write(result.best().get().adapter(), metadata, config, places.getLast());
    }
    if (!stepped && !written) {
      return new FineTuned(result, Optional.empty(), best);
    }
    listener.on(new TrainingEvent.AdapterSaved(config.get(Settings.OUTPUT)));
    result.best().ifPresent(kept -> listener.on(saved(kept, places.getLast().file())));
    if (config.isForMerging()) {
      listener.on(
          new TrainingEvent.Note(
              "this adapter was trained to be merged: what was measured is the merged file"));
    }
    listener.on(new TrainingEvent.Proving());
    Verification verification = verify(result);
    recorder.proven(verification, result.adapter());
    return new FineTuned(result, Optional.of(verification), best);
  }

  static Optional<TrainedTemplate> template(Optional<ChatTemplate> used) {
    return used.map(known -> new TrainedTemplate(known.name(), known.source()));
  }

  /// Without it the adapter is as good.
  private void writeCard(TrainingConfig config, BaseIdentity identity) {
    try {
      AdapterCard.write(config, identity);
    } catch (IOException | InvalidInputException e) {
      listener.on(new TrainingEvent.Note("no model card: " + e.getMessage()));
    }
  }

  private static TrainingEvent saved(TrainingResult.Best best, Path file) {
    return new TrainingEvent.BestSaved(file, best.step(), best.loss());
  }

  /// Writes an adapter into the run folder, and beside the output as well unless it is there
  /// already. The result of hours of training is there if either can be written.
  ///
  /// @return false where the file was there before, byte for byte, and was left as it is
  private boolean write(
      LoraAdapter adapter, AdapterMetadata metadata, TrainingConfig config, AdapterPlaces places)
      throws IOException {
    AdapterStorage storage = config.get(Settings.STORE);
    Optional<IOException> failureOfCopy = tryWrite(adapter, metadata, storage, places.copy());
    if (failureOfCopy.isEmpty() && places.areEqual()) {
      return false;
    }
    Optional<IOException> failure = tryWrite(adapter, metadata, storage, places.file());
    if (failure.isPresent()) {
      String kept =
          failureOfCopy.isEmpty()
              ? "It is in " + places.copy()
              : "Write it once more with: " + ResumedRun.command(config.get(Settings.RUN));
      throw new IOException(failure.get().getMessage() + ". " + kept, failure.get());
    }
    failureOfCopy.ifPresent(
        e -> listener.on(new TrainingEvent.Note("no copy of the adapter: " + e.getMessage())));
    return true;
  }

  private static Optional<IOException> tryWrite(
      LoraAdapter adapter, AdapterMetadata metadata, AdapterStorage storage, Path file) {
    try {
      AdapterExporter.write(adapter, metadata, storage, file);
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(e);
    }
  }

  /// llama.cpp computes with the file on the CPU, the trainer with what it trained where it
  /// trained.
  private static Verification verify(TrainingResult result) throws IOException {
    TrainingConfig config = result.config();
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(config.get(Settings.MODEL))) {
      sequences = VerificationText.sequencesAfterTraining(base, config);
    }
    Precision precision =
        config.get(Settings.PRECISION) == Precision.AUTO
            ? Precision.LLAMA
            : config.get(Settings.PRECISION);
    return new AdapterVerifier(config.get(Settings.DEVICE), config.get(Settings.THREADS), precision)
        .verify(
            config.get(Settings.MODEL), config.get(Settings.OUTPUT), result.adapter(), sequences);
  }
}
