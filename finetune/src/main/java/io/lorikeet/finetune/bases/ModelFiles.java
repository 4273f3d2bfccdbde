package io.lorikeet.finetune.bases;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// Models in GGUF in a folder, by their names.
final class ModelFiles {
  /// Parts of a split model after its first.
  private static final String LATER_PART = ".*-(?!00001)\\d{5}-of-\\d{5}\\.gguf";

  private ModelFiles() {}

  /// The models, of a split one its first file, without those that turn images into tokens.
  ///
  /// @param depth 1 for files of the folder itself
  static List<Path> in(Path folder, int depth) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder, depth, FileVisitOption.FOLLOW_LINKS)) {
      return files
          .filter(file -> isModel(file.getFileName().toString().toLowerCase(Locale.ROOT)))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static boolean isModel(String name) {
    return name.endsWith(".gguf") && !name.contains("mmproj") && !name.matches(LATER_PART);
  }
}
