package io.lorikeet.train.settings;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Prompts that are answered while a run goes on.
public sealed interface SampleSource {
  /// Prompts of a run at most: they are answered together, and shown side by side.
  int MOST = 16;

  /// A text that is the name of a file, whether it is there or not.
  Pattern FILE_NAME = Pattern.compile("\\S+\\.(txt|md|text|jsonl?|ya?ml|csv)|\\S*[/\\\\]\\S+");

  /// One prompt.
  record PromptText(String text) implements SampleSource {
    public PromptText {
      if (text.isBlank()) {
        throw new IllegalArgumentException("a prompt is empty");
      }
    }
  }

  /// A text file with a prompt on each line that isn't blank.
  record PromptFile(Path file) implements SampleSource {}

  /// The name of a file, or else a prompt.
  ///
  /// @throws IllegalArgumentException for an empty prompt
  static SampleSource parse(String text) {
    try {
      if (!text.isBlank() && (isFile(text) || FILE_NAME.matcher(text).matches())) {
        return new PromptFile(Path.of(text));
      }
    } catch (InvalidPathException _) {
      // no name of a file
    }
    return new PromptText(text);
  }

  private static boolean isFile(String text) {
    try {
      return Files.exists(Path.of(text));
    } catch (InvalidPathException _) {
      return false;
    }
  }

  /// As [#parse] reads it, with the whole path.
  default String text() {
    return switch (this) {
      case PromptText(String text) -> text;
      case PromptFile(Path file) -> file.toAbsolutePath().toString();
    };
  }

  /// The prompts of all, in their order.
  ///
  /// @throws InvalidInputException when a file can't be used, or they are too many
  static List<String> prompts(List<SampleSource> sources) throws IOException {
    List<String> prompts = new ArrayList<>();
    for (SampleSource source : sources) {
      switch (source) {
        case PromptText(String text) -> prompts.add(text);
        case PromptFile(Path file) -> prompts.addAll(lines(file));
      }
    }
    if (prompts.size() > MOST) {
      throw new InvalidInputException(
          "%s prompts are more than %s; take fewer".formatted(prompts.size(), MOST));
    }
    return prompts;
  }

  private static List<String> lines(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("there is no file " + file);
    }
    try {
      List<String> lines =
          Files.readAllLines(file).stream().filter(line -> !line.isBlank()).toList();
      if (lines.isEmpty()) {
        throw new InvalidInputException(file + " has no prompt: every line is blank");
      }
      return lines;
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + " isn't text in UTF-8", e);
    }
  }
}
