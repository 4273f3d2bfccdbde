package io.lorikeet.train.settings;

import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// How files become rows.
///
/// @param context places of a row
/// @param tooLong what happens to examples longer than that
/// @param skipBadLines count bad lines and go on
/// @param packing several examples share a row
/// @param trainOn which tokens of an example have loss
/// @param chatTemplate the template for chats; empty for the base's own
/// @param format the layout of sources that say no other
/// @param pairs preference pairs are taken, each of their answers as an example; training learns
///     from none
/// @param columns keys of the files by the keys of layouts that they stand for
/// @param threads to tokenize on
/// @param cache folder for tokenized data; empty for the user's cache folder
public record DataSettings(
    int context,
    TrainingConfig.TooLong tooLong,
    boolean skipBadLines,
    boolean packing,
    TrainingConfig.TrainOn trainOn,
    Optional<String> chatTemplate,
    Optional<ExampleFormat> format,
    boolean pairs,
    Map<String, String> columns,
    int threads,
    Optional<Path> cache) {

  /// The defaults of a training run, on one thread.
  public static DataSettings of(int context) {
    return new DataSettings(
        context,
        TrainingConfig.TooLong.CUT,
        false,
        true,
        TrainingConfig.TrainOn.ASSISTANT,
        Optional.empty(),
        Optional.empty(),
        false,
        Map.of(),
        1,
        Optional.empty());
  }

  /// A run's.
  public static DataSettings of(TrainingConfig config) {
    return new DataSettings(
        config.context(),
        config.tooLong(),
        config.skipBadLines(),
        config.packing(),
        config.trainOn(),
        config.chatTemplate(),
        config.format(),
        false,
        config.columns(),
        config.threads(),
        config.cache());
  }
}
