package io.lorikeet.finetune;

import io.lorikeet.export.Verification;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.nio.file.Path;
import java.util.Optional;

/// A finished run, whose adapter is on disk.
///
/// @param training the adapter, the settings with all that was decided on the way, the losses
/// @param verification llama.cpp's proof of the adapter; empty where the run had finished
///     before, and its adapter is still there
/// @param best the best adapter's file, if there is one
public record FineTuned(
    TrainingResult training, Optional<Verification> verification, Optional<Path> best) {

  /// Whether there is a gate, and no adapter passes it.
  public boolean isRefused() {
    return config().find(Settings.GATE).isPresent() && !training.passed();
  }

  /// The run's settings.
  public TrainingConfig config() {
    return training.config();
  }
}
