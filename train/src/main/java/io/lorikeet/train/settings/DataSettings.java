package io.lorikeet.train.settings;

import java.util.Optional;

/// Which data a run has, and how it becomes rows.
///
/// @param config the settings, of which those count that have to do with data
/// @param window tokens that some layers of the base see at most, or 0; within it, tokens that see
///     each other must be next to each other
public record DataSettings(TrainingConfig config, int window) {

  /// The defaults of a training run, on one thread, for files to measure on.
  public static DataSettings of(int context) {
    return new DataSettings(
        new TrainingConfig(
            new TrainingOptions().set(Settings.CONTEXT, context).set(Settings.THREADS, 1).values()),
        0);
  }

  /// A setting's value, see [TrainingConfig#get].
  public <T> T get(Setting<T> setting) {
    return config.get(setting);
  }

  /// A setting's value, see [TrainingConfig#find].
  public <T> Optional<T> find(Setting<T> setting) {
    return config.find(setting);
  }
}
