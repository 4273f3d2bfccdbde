package io.lorikeet.train.settings;

import java.nio.file.Path;
import java.util.List;

/// Which data a run has, and how it becomes rows.
///
/// @param model the base, whose vocabulary decides the tokens
/// @param sources where training examples come from
/// @param validation where those come from that are only measured
/// @param seed chooses what is taken out of the data for measuring, and what weights take
/// @param window tokens that some layers of the base see at most, or 0; within it, tokens that see
///     each other must be next to each other
public record DataPlan(
    Path model,
    List<DataSource> sources,
    ValidationData validation,
    long seed,
    int window,
    DataSettings settings) {
  public DataPlan {
    sources = List.copyOf(sources);
  }

  /// A run's.
  ///
  /// @param window of the base
  public static DataPlan of(TrainingConfig config, int window) {
    return new DataPlan(
        config.model(),
        config.data(),
        config.validation(),
        config.seed(),
        window,
        DataSettings.of(config));
  }
}
