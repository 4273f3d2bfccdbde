package io.lorikeet.cli;

import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.AdapterPlaces;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// From settings to a proven adapter: trains, writes the file, verifies it.
final class TrainingSession {
  private final ProgressLine line;
  private final Interruption interruption;
  private final StopRequest stop = new StopRequest();
  private boolean trained;

  TrainingSession(ProgressLine line, Interruption interruption) {
    this.line = line;
    this.interruption = interruption;
  }

  /// A finished run.
  ///
  /// @param config its settings
  /// @param verification llama.cpp's proof of the adapter; empty where the run had finished before,
  ///     and its adapter is still there
  /// @param best the best adapter's file, if there is one
  record Finished(TrainingConfig config, Optional<Verification> verification, Optional<Path> best) {

    /// The lines to paste to serve the adapter.
    List<String> serving() throws IOException {
      return ServingText.ofAdapter(config.get(Settings.MODEL), config.get(Settings.OUTPUT));
    }

    /// Its costs and its results.
    List<String> summary() throws IOException {
      return new TrainingSummary(config, RunMetrics.read(config.get(Settings.RUN)), best).lines();
    }

    int exitCode() {
      return verification.map(Verification::verdict).map(VerificationReport::exitCode).orElse(0);
    }
  }

  /// Trains and leaves the adapter in the output file and the run folder.
  ///
  /// @param replace whether an output that exists may be replaced
  Finished run(TrainingConfig config, boolean replace) throws IOException {
    TrainingProgress progress = new TrainingProgress(line);
    try (OutputPlan.Claims _ = outputs(config).claim(replace)) {
      return finish(config, progress, trainer(config, progress)::run);
    }
  }

  /// Goes on with the run in a folder, whose own outputs are replaced.
  ///
  /// @param changes the settings given anew
  /// @param replace whether other files may be replaced too
  Finished resume(Path run, TrainingOptions changes, boolean replace) throws IOException {
    TrainingProgress progress = new TrainingProgress(line);
    TrainingConfig config = ResumedRun.config(run, changes, progress);
    boolean own = true;
    for (AdapterPlaces places : places(config)) {
      own &= !Files.exists(places.file()) || places.areEqual();
    }
    try (OutputPlan.Claims _ = outputs(config).claim(replace || own)) {
      return finish(config, progress, trainer(config, progress)::resume);
    }
  }

  private static OutputPlan outputs(TrainingConfig config) {
    OutputPlan plan = new OutputPlan();
    places(config).forEach(places -> plan.writes("output", places.file()));
    return plan;
  }

  /// Of the last adapter, and of the best if there is going to be one.
  private static List<AdapterPlaces> places(TrainingConfig config) {
    AdapterPlaces last = AdapterPlaces.last(config.get(Settings.OUTPUT), config.get(Settings.RUN));
    return config.find(Settings.EVALUATE_EVERY).isPresent()
        ? List.of(last, AdapterPlaces.best(config.get(Settings.OUTPUT), config.get(Settings.RUN)))
        : List.of(last);
  }

  private Trainer trainer(TrainingConfig config, TrainingProgress progress) {
    TrainingListener listener =
        event -> {
          progress.on(event);
          trained |= event instanceof TrainingEvent.StepDone;
          if (event instanceof TrainingEvent.Started) {
            interruption.onArrival(stop::make);
          }
        };
    return new Trainer(config, listener).stopOn(stop);
  }

  @FunctionalInterface
  private interface Training {
    TrainingResult run() throws IOException;
  }

  private Finished finish(TrainingConfig config, TrainingProgress progress, Training training)
      throws IOException {
    BaseIdentity identity;
    try (GgufFile base = GgufFile.open(config.get(Settings.MODEL))) {
      identity = BaseIdentity.of(base);
    }
    TrainingResult result;
    try {
      result = training.run();
    } finally {
      interruption.leaveAtOnce();
    }
    Optional<TrainedTemplate> template =
        result.chatTemplate().map(used -> new TrainedTemplate(used.name(), used.source()));
    AdapterMetadata metadata =
        new AdapterMetadata(identity, result.config().settingsOfAdapter(), template);
    Written adapter = write(result.adapter(), metadata, config, places(config).getFirst());
    if (template.isPresent()) {
      TemplateFile.write(
          config.get(Settings.OUTPUT), Optional.of(config.get(Settings.MODEL)), template.get());
    }
    Optional<Written> best = Optional.empty();
    if (result.best().isPresent()) {
      best =
          Optional.of(
              write(result.best().get().adapter(), metadata, config, places(config).getLast()));
    }
    Optional<Path> bestFile = best.map(Written::file);
    if (!trained && adapter.wasThere() && best.map(Written::wasThere).orElse(true)) {
      line.sentence(
          "the run in %s had finished after %s steps, and its adapter is still there: %s"
              .formatted(config.get(Settings.RUN), result.steps(), adapter.file()));
      return new Finished(config, Optional.empty(), bestFile);
    }
    progress.on(new TrainingEvent.AdapterSaved(adapter.file()));
    if (best.isPresent()) {
      line.println(
          "best adapter, after step %s with a validation loss of %s: %s"
              .formatted(
                  result.best().get().step(),
                  Words.loss(result.best().get().loss()),
                  best.get().file()));
    }
    if (config.isForMerging()) {
      line.sentence("this adapter was trained to be merged: what was measured is the merged file");
    }
    line.update("verifying");
    Verification verification = verify(result);
    VerificationReport.lines(verification).forEach(line::println);
    return new Finished(config, Optional.of(verification), bestFile);
  }

  /// An adapter's file beside the output.
  ///
  /// @param wasThere whether it was there before, byte for byte, and was left as it is
  private record Written(Path file, boolean wasThere) {}

  /// Writes an adapter into the run folder, and beside the output as well unless it is there
  /// already. The result of the training is kept if either can be written.
  private Written write(
      LoraAdapter adapter, AdapterMetadata metadata, TrainingConfig config, AdapterPlaces places)
      throws IOException {
    AdapterStorage storage = config.get(Settings.STORE);
    Optional<IOException> failureOfCopy = tryWrite(adapter, metadata, storage, places.copy());
    if (failureOfCopy.isEmpty() && places.areEqual()) {
      return new Written(places.file(), true);
    }
    Optional<IOException> failure = tryWrite(adapter, metadata, storage, places.file());
    if (failure.isPresent()) {
      String kept =
          failureOfCopy.isEmpty()
              ? "It is in " + places.copy()
              : "Write it once more with: " + ResumedRun.command(config.get(Settings.RUN));
      throw new IOException(failure.get().getMessage() + ". " + kept, failure.get());
    }
    failureOfCopy.ifPresent(e -> line.println("no copy of the adapter: " + e.getMessage()));
    return new Written(places.file(), false);
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
