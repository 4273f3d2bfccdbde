package io.lorikeet.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/// Checks of flags that several commands have.
final class Flags {
  private static final int MOST_THREADS = 512; // ggml's limit

  private Flags() {}

  static void requirePositive(CommandSpec command, String flag, int value) {
    if (value < 1) {
      throw new ParameterException(
          command.commandLine(), flag + " must be at least 1, is " + value);
    }
  }

  static void requireThreads(CommandSpec command, int threads) {
    requirePositive(command, "--threads", threads);
    if (threads > MOST_THREADS) {
      throw new ParameterException(
          command.commandLine(), "--threads must be at most " + MOST_THREADS + ", is " + threads);
    }
  }
}
