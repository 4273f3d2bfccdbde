package io.lorikeet.train.data.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/// A file of examples, or standard input.
///
/// @param path the file; for standard input without meaning
/// @param name as people read it
public record DataFile(Path path, String name) {
  /// What `--data` calls standard input.
  static final String STANDARD_INPUT = "-";

  /// A file under the name that was given for it.
  public static DataFile of(Path path) {
    return new DataFile(path, path.toString());
  }

  /// What comes by standard input, once.
  static DataFile standardInput() {
    return new DataFile(Path.of(STANDARD_INPUT), "standard input");
  }

  /// Whether it can be read only once.
  public boolean isStandardInput() {
    return path.toString().equals(STANDARD_INPUT);
  }

  /// What is read while it is open.
  ///
  /// @param path the file itself, or a copy of what came by standard input
  record Content(Path path, boolean temporary) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      if (temporary) {
        Files.deleteIfExists(path);
      }
    }
  }

  /// Makes the bytes ready to be read. Standard input becomes a temporary file, since kinds of
  /// files are told apart by looking at them.
  Content open() throws IOException {
    if (!isStandardInput()) {
      return new Content(path, false);
    }
    Path copy = Files.createTempFile("lorikeet-data-", ".input");
    try {
      Files.copy(System.in, copy, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      Files.deleteIfExists(copy);
      throw e;
    }
    return new Content(copy, true);
  }
}
