package io.lorikeet.train.run;

import java.nio.file.Path;

/// A run was stopped before its end, and its state is on disk.
public final class StoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private StoppedException(String message) {
    super(message);
  }

  /// Before anything was done.
  public static StoppedException beforeTheFirstStep() {
    return new StoppedException("stopped before the first step; nothing was written");
  }

  /// In words of one's own, with how to go on.
  public static StoppedException saying(String message) {
    return new StoppedException(message);
  }

  /// @param why the reason, such as "asked to stop"
  public static StoppedException after(String why, int step, int steps, Path run) {
    return new StoppedException(
        "%s after step %s of %s. Its state is kept; go on with: %s"
            .formatted(why, step, steps, ResumedRun.command(run)));
  }
}
