package io.lorikeet.train.data.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/// The files that a name given for data means: a file, a folder, a pattern, standard input.
///
/// @param training files to train on, in the order of their names
/// @param validation files of a folder that are named as validation data
/// @param leftOut files of a folder that are not read, such as test data
public record DataFiles(List<DataFile> training, List<DataFile> validation, List<Path> leftOut) {
  private static final int DEEPEST = 4;
  private static final String REST = "([-_.0-9].*)?";
  private static final Pattern TRAINING = Pattern.compile("train(ing)?" + REST);
  private static final Pattern VALIDATION =
      Pattern.compile("(val|valid|validation|dev|eval)" + REST);
  private static final Pattern TEST = Pattern.compile("test" + REST);

  /// Finds the files.
  ///
  /// @throws IllegalArgumentException with the problem of the name
  public static DataFiles of(String name) throws IOException {
    if (name.equals(DataFile.STANDARD_INPUT)) {
      return new DataFiles(List.of(DataFile.standardInput()), List.of(), List.of());
    }
    Optional<Path> path = existing(name);
    if (path.isEmpty()) {
      if (name.matches(".*[*?\\[{].*")) {
        return new DataFiles(matching(name), List.of(), List.of());
      }
      throw new IllegalArgumentException("there is no file " + name);
    }
    if (Files.isDirectory(path.get())) {
      return folder(path.get());
    }
    requireReadable(path.get());
    return new DataFiles(List.of(DataFile.of(path.get())), List.of(), List.of());
  }

  /// The files that are read, those left out that can be read only once.
  public List<Path> all() {
    return Stream.concat(training.stream(), validation.stream())
        .filter(file -> !file.isReadOnce())
        .map(DataFile::path)
        .toList();
  }

  private static Optional<Path> existing(String name) {
    try {
      return Optional.of(Path.of(name)).filter(Files::exists);
    } catch (InvalidPathException _) {
      return Optional.empty(); // patterns aren't names everywhere
    }
  }

  private static List<DataFile> matching(String pattern) throws IOException {
    int wild = 0;
    while ("*?[{".indexOf(pattern.charAt(wild)) < 0) {
      wild++;
    }
    int end = pattern.lastIndexOf('/', wild);
    Path folder = Path.of(end < 0 ? "" : end == 0 ? "/" : pattern.substring(0, end));
    PathMatcher matcher;
    try {
      matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern.substring(end + 1));
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException("isn't a pattern: " + e.getDescription(), e);
    }
    List<DataFile> files = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      for (Path file : walk(folder, pattern.contains("**") ? Integer.MAX_VALUE : DEEPEST)) {
        if (matcher.matches(folder.relativize(file))) {
          requireReadable(file);
          files.add(DataFile.of(file));
        }
      }
    }
    if (files.isEmpty()) {
      throw new IllegalArgumentException("no file matches " + pattern);
    }
    return files;
  }

  /// Files with records that lie in the folder itself, or else below it; texts only where there are
  /// no records, since those that lie beside or above records are about them. By their names, they
  /// divide into data for training, validation and tests.
  private static DataFiles folder(Path folder) throws IOException {
    List<Path> all = walk(folder, 1);
    if (all.stream().noneMatch(FileKind::isRecords)) {
      List<Path> deeper = walk(folder, DEEPEST);
      boolean holdsMore =
          deeper.stream().anyMatch(FileKind::isRecords) || all.stream().noneMatch(FileKind::isText);
      all = holdsMore ? deeper : all;
    }
    boolean records = all.stream().anyMatch(FileKind::isRecords);
    boolean named = all.stream().anyMatch(file -> isNamed(file, TRAINING));
    List<DataFile> training = new ArrayList<>();
    List<DataFile> validation = new ArrayList<>();
    List<Path> leftOut = new ArrayList<>();
    for (Path file : all) {
      boolean readable = records ? FileKind.isRecords(file) : FileKind.isText(file);
      if (readable && isNamed(file, VALIDATION)) {
        validation.add(DataFile.of(file));
      } else if (readable && (named ? isNamed(file, TRAINING) : !isNamed(file, TEST))) {
        training.add(DataFile.of(file));
      } else {
        leftOut.add(file);
      }
    }
    if (training.isEmpty()) {
      throw new IllegalArgumentException(
          "the folder " + folder + " holds no data to train on, such as train.jsonl");
    }
    training.forEach(file -> requireReadable(file.path()));
    validation.forEach(file -> requireReadable(file.path()));
    return new DataFiles(training, validation, leftOut);
  }

  private static boolean isNamed(Path file, Pattern pattern) {
    return pattern.matcher(file.getFileName().toString().toLowerCase(Locale.ROOT)).matches();
  }

  private static List<Path> walk(Path folder, int depth) throws IOException {
    try (Stream<Path> files = Files.walk(folder, depth)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> !file.getFileName().toString().startsWith("."))
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static void requireReadable(Path file) {
    if (!Files.isReadable(file)) {
      throw new IllegalArgumentException(file + " can't be read: its permissions forbid it");
    }
  }
}
