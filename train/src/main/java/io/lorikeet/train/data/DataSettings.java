package io.lorikeet.train.data;

import io.lorikeet.train.TrainingConfig;

/// How files become rows.
///
/// @param context places of a row
/// @param tooLong what happens to examples longer than that
/// @param skipBadLines count bad lines and go on
/// @param packing several examples share a row
/// @param trainOn which tokens of an example with a prompt have loss
public record DataSettings(
    int context,
    TrainingConfig.TooLong tooLong,
    boolean skipBadLines,
    boolean packing,
    TrainingConfig.TrainOn trainOn) {

  /// The defaults of a training run.
  public static DataSettings of(int context) {
    return new DataSettings(
        context, TrainingConfig.TooLong.CUT, false, true, TrainingConfig.TrainOn.COMPLETION);
  }

  /// A run's.
  public static DataSettings of(TrainingConfig config) {
    return new DataSettings(
        config.context(),
        config.tooLong(),
        config.skipBadLines(),
        config.packing(),
        config.trainOn());
  }
}
