package io.lorikeet.cli;

import io.lorikeet.train.settings.ProcessorCores;
import picocli.CommandLine.Option;

/// `--threads`, of commands that compute.
final class ThreadsOption {
  @Option(
      names = "--threads",
      paramLabel = "N",
      converter = NumberOptions.Threads.class,
      description = "CPU threads (default: the physical cores)")
  private int count = ProcessorCores.physical();

  int count() {
    return count;
  }
}
