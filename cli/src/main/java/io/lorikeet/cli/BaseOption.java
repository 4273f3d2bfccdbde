package io.lorikeet.cli;

import io.lorikeet.finetune.bases.BaseFinder;
import io.lorikeet.train.settings.ProcessorCores;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `--model`, of commands that work on a base: whatever [BaseFinder] knows for one.
final class BaseOption {
  static final String LABEL = "BASE";
  static final String DESCRIPTION =
      "base: a GGUF file, a folder with one, a Hugging Face model's folder, or ollama:NAME";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(names = "--model", paramLabel = LABEL, description = DESCRIPTION)
  private @Nullable Path given;

  private @Nullable Path found;

  /// The base's GGUF file, which is looked for once.
  Path file() throws IOException {
    if (found == null) {
      found = find(command, Optional.ofNullable(given)).orElseThrow();
    }
    return found;
  }

  /// The GGUF file of a base that a command was given, if it was given one. Notes go to
  /// standard error, for results may be for programs.
  static Optional<Path> find(CommandSpec command, Optional<Path> base) throws IOException {
    return base.isEmpty() ? base : Optional.of(finder(command).find(base.get()));
  }

  /// Finds bases, and tells a command's user what it does.
  static BaseFinder finder(CommandSpec command) {
    ProgressLine line = ProgressLine.of(command);
    return BaseFinder.ofUser(
        ProcessorCores.physical(),
        new BaseFinder.Listener() {
          @Override
          public void note(String sentence) {
            line.clear();
            command.commandLine().getErr().println(sentence);
          }

          @Override
          public void progress(String text) {
            line.update(text);
          }
        });
  }
}
