package io.lorikeet.train.data;

import io.lorikeet.train.DataSource;
import io.lorikeet.train.TrainingConfig;
import io.lorikeet.train.ValidationData;
import java.nio.file.Path;
import java.util.List;

/// Which data a run has, and how it becomes rows.
///
/// @param model the base, whose vocabulary decides the tokens
/// @param sources where training examples come from
/// @param validation where those come from that are only measured
/// @param seed chooses what is taken out of the data for measuring, and what weights take
public record DataPlan(
    Path model,
    List<DataSource> sources,
    ValidationData validation,
    long seed,
    DataSettings settings) {
  public DataPlan {
    sources = List.copyOf(sources);
  }

  /// A run's.
  public static DataPlan of(TrainingConfig config) {
    return new DataPlan(
        config.model(), config.data(), config.validation(), config.seed(), DataSettings.of(config));
  }
}
