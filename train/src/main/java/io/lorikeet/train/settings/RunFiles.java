package io.lorikeet.train.settings;

import io.lorikeet.quant.PathParts;
import io.lorikeet.train.checkpoint.CheckpointFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// The names of a run's folder and of the files in it.
public final class RunFiles {
  /// The resolved settings.
  public static final String CONFIG = "config.yaml";

  /// How and where the run is computed.
  public static final String COMPUTATION = "computation.yaml";

  /// A line of JSON per event.
  public static final String METRICS = "metrics.jsonl";

  /// Answers to the run's prompts, a line of JSON for each time.
  public static final String SAMPLES = "samples.jsonl";

  /// The run's story for its report.
  public static final String SUMMARY = "summary.json";

  /// Neutral texts that the base wrote.
  public static final String NEUTRAL = "neutral.json";

  /// The run's report.
  public static final String REPORT = "report.html";

  /// Event files for TensorBoard.
  public static final String TENSORBOARD = "tensorboard";

  /// The adapter that a gate is measuring.
  public static final String CANDIDATE = "candidate.gguf";

  /// That adapter merged into its base, where it is trained for that.
  public static final String MERGED_CANDIDATE = "candidate-merged.gguf";

  /// Log probabilities of preferred and other answers with the reference.
  public static final String REFERENCE = "reference.bin";

  /// Held by the process that trains in the folder.
  public static final String LOCK = "run.lock";

  /// The files about a run, besides its work.
  public static final List<String> STORY =
      List.of(CONFIG, COMPUTATION, METRICS, SAMPLES, SUMMARY, REPORT, NEUTRAL, REFERENCE);

  /// The names of all that a run may keep in its folder.
  public static final List<String> ALL =
      Stream.of(
              STORY,
              List.of(LOCK, TENSORBOARD, CANDIDATE, MERGED_CANDIDATE, CheckpointFolder.NAME),
              AdapterPlaces.COPIES)
          .flatMap(List::stream)
          .toList();

  private RunFiles() {}

  /// The folder that a run has by default: the output's name with `-run` for its ending, and a
  /// number where an earlier run is there: `adapter-run`, `adapter-run-2`, …
  public static Path beside(Path output) {
    String name = PathParts.name(output).replaceFirst("(?i)\\.gguf$", "") + "-run";
    Path folder = output.resolveSibling(name);
    for (int number = 2; isTaken(folder); number++) {
      folder = output.resolveSibling(name + "-" + number);
    }
    return folder;
  }

  private static boolean isTaken(Path folder) {
    try {
      return holdsRun(folder) || Files.exists(folder.resolve(LOCK));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Whether a folder is that of a run.
  public static boolean holdsRun(Path folder) throws IOException {
    return Files.exists(folder.resolve(CONFIG)) || holdsWork(folder);
  }

  /// Whether a run in this folder has measured something.
  public static boolean holdsWork(Path folder) throws IOException {
    return sizeOf(folder.resolve(METRICS)) > 0 || !new CheckpointFolder(folder).isEmpty();
  }

  /// A file's bytes, 0 where there is none.
  private static long sizeOf(Path file) {
    try {
      return Files.size(file);
    } catch (IOException _) {
      return 0;
    }
  }
}
