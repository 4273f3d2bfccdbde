package io.lorikeet.finetune.report;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.run.MetricsReader;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/// A run in a list of runs.
///
/// @param run the run's folder
/// @param config the run's settings, whose files may lie elsewhere by now
/// @param summary empty for a run of a version that kept none
/// @param metrics its numbers so far
public record RunEntry(
    Path run,
    RunState state,
    TrainingConfig config,
    Optional<RunSummary> summary,
    RunMetrics metrics) {
  /// Folders below the given one in which runs are looked for.
  private static final int DEEPEST = 4;

  /// Reads a run.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when it holds no run, or a file in it isn't a run's
  public static RunEntry read(Path run) throws IOException {
    return read(run, new MetricsReader(run));
  }

  /// Reads a run that was read before.
  ///
  /// @param reader of its numbers, which has those that were there before
  static RunEntry read(Path run, MetricsReader reader) throws IOException {
    Path file = run.resolve(RunFiles.CONFIG);
    if (!Files.exists(file)) {
      throw new InvalidInputException(
          "%s holds no run, it has no %s".formatted(run, RunFiles.CONFIG));
    }
    Optional<RunSummary> summary = RunSummary.read(run);
    RunMetrics metrics =
        Files.exists(run.resolve(RunFiles.METRICS))
            ? reader.read()
            : new RunMetrics(List.of(), List.of(), List.of());
    return new RunEntry(
        run, RunState.of(run, summary), ConfigFile.read(file).unchecked(), summary, metrics);
  }

  /// The folders of runs in a folder, or that folder itself, by name.
  public static List<Path> find(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException(folder + " is no folder");
    }
    try (Stream<Path> files = Files.walk(folder, DEEPEST)) {
      return files
          .filter(file -> file.endsWith(RunFiles.CONFIG))
          .map(Path::getParent)
          .filter(run -> Files.exists(run.resolve(RunFiles.METRICS)))
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /// The name that it was given, or else its folder.
  public String name() {
    return config.find(Settings.NAME).orElse(run.toString());
  }

  /// The sentence that it was given; empty for none.
  public String note() {
    return config.find(Settings.NOTE).orElse("");
  }

  /// The base's file name.
  public String base() {
    return config.find(Settings.MODEL).map(file -> String.valueOf(file.getFileName())).orElse("");
  }

  /// Steps in all, as far as that is known.
  public int steps() {
    return summary.map(RunSummary::steps).orElse(metrics.lastStep());
  }

  /// The lowest validation loss after the training began, in nats per target token.
  public OptionalDouble bestLoss() {
    return metrics
        .best()
        .map(best -> OptionalDouble.of(best.loss()))
        .orElse(OptionalDouble.empty());
  }

  /// Mean speed of the steps; 0 before the first.
  public double tokensPerSecond() {
    return metrics.seconds() > 0 ? metrics.tokens() / metrics.seconds() : 0;
  }

  /// When it was begun, in ISO 8601; empty where nobody noted that.
  public String begun() {
    return summary
        .flatMap(s -> s.starts().stream().findFirst())
        .map(RunSummary.Start::time)
        .orElse("");
  }
}
