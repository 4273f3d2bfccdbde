package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Finds the files of a model that was split as llama.cpp's gguf-split does it. Names end in
/// `-00001-of-00003.gguf`, and every file has `split.count` and its own `split.no` from 0. The
/// first has the metadata and `split.tensors.count`.
final class SplitModel {
  private static final Pattern NAME =
      Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);

  private SplitModel() {}

  /// The file alone, or all files of the split model that it is part of, in their order.
  static List<GgufPart> open(Arena arena, Path path, boolean withData) throws IOException {
    GgufPart given = GgufPart.open(arena, path, withData);
    long count = given.header().metadata().integer("split.count").orElse(1);
    if (count <= 1) {
      return List.of(given);
    }
    List<Path> paths = paths(path, count);
    List<GgufPart> parts = new ArrayList<>();
    for (Path file : paths) {
      GgufPart part = file.equals(path) ? given : GgufPart.open(arena, file, withData);
      check(part, parts.size(), count);
      parts.add(part);
    }
    checkTensorCount(parts);
    return parts;
  }

  /// The file, and those files of a split model that its name tells of and that are there. None is
  /// opened.
  static List<Path> partsByName(Path path) {
    Matcher name = NAME.matcher(String.valueOf(path.getFileName()));
    if (!name.matches()) {
      return List.of(path);
    }
    int count = Integer.parseInt(name.group(3));
    return Stream.concat(
            Stream.of(path),
            IntStream.rangeClosed(1, count)
                .mapToObj(number -> path.resolveSibling(fileName(name.group(1), number, count)))
                .filter(Files::exists))
        .distinct()
        .toList();
  }

  private static List<Path> paths(Path path, long count) {
    Matcher name = NAME.matcher(path.getFileName().toString());
    if (!name.matches() || Long.parseLong(name.group(3)) != count) {
      throw new InvalidInputException(
          path
              + ": this is one of "
              + count
              + " files of a split model, but its name doesn't end like "
              + fileName("", 1, count)
              + ", by which the others are found. Give it the name it was made with");
    }
    List<Path> paths =
        IntStream.rangeClosed(1, (int) count)
            .mapToObj(number -> path.resolveSibling(fileName(name.group(1), number, count)))
            .toList();
    List<String> missing =
        paths.stream().filter(part -> !Files.exists(part)).map(Path::toString).toList();
    if (!missing.isEmpty()) {
      throw InvalidInputException.of(
          "%s: of the %s files of this split model some are missing; download them to the same folder"
              .formatted(path, count),
          missing);
    }
    return paths;
  }

  private static String fileName(String prefix, long number, long count) {
    return String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", prefix, number, count);
  }

  private static void check(GgufPart part, int number, long count) {
    GgufMetadata metadata = part.header().metadata();
    long foundNumber = metadata.requireInteger("split.no");
    long foundCount = metadata.requireInteger("split.count");
    if (foundNumber != number || foundCount != count) {
      throw new InvalidInputException(
          "%s: this is file %s of %s of a split model, unlike its name. Give it the name it was made with"
              .formatted(part.path(), foundNumber + 1, foundCount));
    }
  }

  private static void checkTensorCount(List<GgufPart> parts) {
    OptionalLong expected = parts.getFirst().header().metadata().integer("split.tensors.count");
    long found = parts.stream().mapToLong(part -> part.header().tensors().size()).sum();
    if (expected.isPresent() && expected.getAsLong() != found) {
      throw new InvalidInputException(
          "%s: this split model should have %s tensors, but its files have %s. Download all of them again"
              .formatted(parts.getFirst().path(), expected.getAsLong(), found));
    }
  }
}
