package io.lorikeet.cli;

import io.lorikeet.finetune.FineTuned;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.finetune.report.LiveServer;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A fine-tuning in words, which Ctrl-C and SIGTERM stop well.
final class TrainingSession {
  private final ProgressLine line;
  private final Interruption interruption;
  private Optional<Machines> machines = Optional.empty();
  private boolean watched;
  private @Nullable LiveServer server;

  TrainingSession(ProgressLine line, Interruption interruption) {
    this.line = line;
    this.interruption = interruption;
  }

  /// Shows the run's report to a browser from the first step until all is done.
  TrainingSession watched(boolean shown) {
    watched = shown;
    return this;
  }

  /// Has a cluster compute the micro-batches.
  TrainingSession across(Machines cluster) {
    machines = Optional.of(cluster);
    return this;
  }

  /// Trains, leaves the adapter in the output file and the run folder, and proves it.
  ///
  /// @param replace whether an output that exists may be replaced
  FineTuned run(TrainingConfig config, boolean replace) throws IOException {
    return shown(config.get(Settings.RUN), tuning -> tuning.run(config, replace));
  }

  /// Goes on with the run in a folder, whose own outputs are replaced.
  ///
  /// @param changes the settings given anew
  /// @param replace whether other files may be replaced too
  FineTuned resume(Path run, TrainingOptions changes, boolean replace) throws IOException {
    return shown(run, tuning -> tuning.resume(run, changes, replace));
  }

  @FunctionalInterface
  private interface TrainingWork {
    FineTuned with(FineTuning tuning) throws IOException;
  }

  private FineTuned shown(Path run, TrainingWork work) throws IOException {
    StopRequest stop = new StopRequest();
    FineTuned done;
    try {
      FineTuning tuning = new FineTuning(listener(run, stop)).stopOn(stop);
      machines.ifPresent(tuning::across);
      done = work.with(tuning);
    } finally {
      interruption.leaveAtOnce();
      line.clear();
      if (server != null) {
        server.close();
      }
    }
    done.verification()
        .ifPresentOrElse(
            verification -> ProofText.lines(verification).forEach(line::sentence),
            () ->
                line.sentence(
                    "the run in %s had finished after %s steps, and its adapter is still there: %s"
                        .formatted(
                            done.config().get(Settings.RUN),
                            done.training().steps(),
                            done.config().get(Settings.OUTPUT))));
    return done;
  }

  private TrainingListener listener(Path run, StopRequest stop) {
    TrainingProgress progress = new TrainingProgress(line);
    return event -> {
      if (event instanceof TrainingEvent.Trained) {
        interruption.leaveAtOnce();
      }
      progress.on(event);
      if (event instanceof TrainingEvent.Started) {
        interruption.onArrival(stop::make);
        if (watched) {
          watch(run);
        }
      }
    };
  }

  private void watch(Path run) {
    try {
      server = new LiveServer(run, 0);
      line.println("watch: " + server.address());
    } catch (IOException e) {
      line.sentence("warning: the report can't be watched: " + e.getMessage());
    }
  }
}
