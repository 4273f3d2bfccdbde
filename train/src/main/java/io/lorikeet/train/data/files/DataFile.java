package io.lorikeet.train.data.files;

import io.lorikeet.quant.TemporaryFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/// A file of examples, a pipe, or standard input.
///
/// @param path the file; for standard input without meaning
/// @param name as people read it
/// @param hash of the bytes that are wanted of it; empty to take what it holds when it is read
public record DataFile(Path path, String name, Optional<FileHash> hash) {
  /// The name of standard input in `--data`.
  static final String STANDARD_INPUT = "-";

  /// A file under the name that was given for it.
  public static DataFile of(Path path) {
    return new DataFile(path, path.toString(), Optional.empty());
  }

  /// Standard input, which can be read once.
  static DataFile standardInput() {
    return new DataFile(Path.of(STANDARD_INPUT), "standard input", Optional.empty());
  }

  /// The file as it is now: reading it fails when it holds anything else by then.
  public DataFile hashed() throws IOException {
    return new DataFile(path, name, Optional.of(FileHash.of(path)));
  }

  private boolean isStandardInput() {
    return path.toString().equals(STANDARD_INPUT);
  }

  /// Whether it can be read only once: standard input, a pipe such as a shell's `<(…)`, a device.
  public boolean isReadOnce() {
    return isStandardInput() || !Files.isRegularFile(path);
  }

  /// An opened file, which can be read any number of times.
  ///
  /// @param path the file itself, or a private copy
  /// @param copy whether it is a copy, which goes when this is closed
  /// @param name as people read it
  /// @param hash of the bytes that the file has to hold
  record FileContent(Path path, boolean copy, String name, Optional<FileHash> hash)
      implements AutoCloseable {

    /// The bytes from the first on.
    InputStream stream() throws IOException {
      InputStream file = Files.newInputStream(path);
      return hash.isPresent() ? hash.get().check(file, name) : file;
    }

    long size() throws IOException {
      return Files.size(path);
    }

    /// The same for a reader that goes back and forth in a file, and can't be checked while it
    /// reads.
    FileContent forAnyOrder() throws IOException {
      if (hash.isEmpty()) {
        return new FileContent(path, false, name, hash);
      }
      try (InputStream input = stream()) {
        return copyOf(input, name);
      }
    }

    private static FileContent copyOf(InputStream input, String name) throws IOException {
      Path copy = Files.createTempFile("lorikeet-data-", ".input");
      TemporaryFiles.add(copy);
      FileContent content = new FileContent(copy, true, name, Optional.empty());
      try {
        Files.copy(input, copy, StandardCopyOption.REPLACE_EXISTING);
        return content;
      } catch (IOException e) {
        content.close();
        throw e;
      }
    }

    @Override
    public void close() throws IOException {
      if (copy) {
        Files.deleteIfExists(path);
        TemporaryFiles.remove(path);
      }
    }
  }

  /// Makes the bytes ready to be read: the one place where data is opened. A source that can be
  /// read only once is copied to a temporary file, since kinds of files are told apart by their
  /// first bytes.
  FileContent open() throws IOException {
    if (!isReadOnce()) {
      return new FileContent(path, false, name, hash);
    }
    if (isStandardInput()) {
      return FileContent.copyOf(System.in, name);
    }
    try (InputStream input = Files.newInputStream(path)) {
      return FileContent.copyOf(input, name);
    }
  }
}
