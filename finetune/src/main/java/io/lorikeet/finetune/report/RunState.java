package io.lorikeet.finetune.report;

import io.lorikeet.quant.LockFile;
import io.lorikeet.train.settings.RunFiles;
import java.nio.file.Path;
import java.util.Optional;

/// The state of a run, by its summary and the lock that its process holds.
public enum RunState {
  RUNNING("running"),
  FINISHED("finished"),
  STOPPED("stopped; it can go on"),
  FAILED("failed"),
  /// Its process ended without a word.
  KILLED("killed; it can go on from its last checkpoint"),
  /// A run of a version that kept no summary.
  UNKNOWN("not running");

  private final String words;

  RunState(String words) {
    this.words = words;
  }

  /// The state for people.
  public String inWords() {
    return words;
  }

  /// The state of a run of any process.
  ///
  /// @param run the run's folder
  /// @param summary of the run, where it has one
  public static RunState of(Path run, Optional<RunSummary> summary) {
    if (LockFile.isHeld(run.resolve(RunFiles.LOCK))) {
      return RUNNING;
    }
    if (summary.isEmpty()) {
      return UNKNOWN;
    }
    RunSummary.End end = summary.get().end();
    return end == null ? KILLED : of(end);
  }

  /// The state after an end.
  static RunState of(RunSummary.End end) {
    return switch (end.outcome()) {
      case FINISHED -> FINISHED;
      case STOPPED -> STOPPED;
      case FAILED -> FAILED;
    };
  }
}
