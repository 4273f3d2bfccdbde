package io.lorikeet.cli;

import java.util.List;
import picocli.CommandLine.Option;

/// `--adapter`, of commands that take several adapters, each with a scale.
final class AdaptersOption {
  @Option(
      names = "--adapter",
      paramLabel = "FILE[:SCALE]",
      description = "adapter, a GGUF file, and how much of it (default: 1); may be repeated")
  private List<String> given = List.of();

  List<AdapterArgument> arguments() {
    return given.stream().map(AdapterArgument::of).toList();
  }
}
