package io.lorikeet.cli;

import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// A command that writes files. Before anything else it says which it reads and which it writes,
/// and doesn't begin where one would be lost by that.
abstract class WritingCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  /// All files that are read and all that are written.
  ///
  /// @throws IOException when a file that names others can't be read
  abstract OutputPlan files() throws IOException;

  /// Whether an output that exists is replaced: `--force`.
  abstract boolean replaces();

  /// The work.
  ///
  /// @return the exit code
  abstract int run() throws IOException;

  @Override
  public final Integer call() throws IOException {
    try (OutputPlan.Claims _ = files().claim(replaces())) {
      return run();
    }
  }
}
