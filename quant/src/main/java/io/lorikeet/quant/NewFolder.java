package io.lorikeet.quant;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A folder to write into. It is made with the folders above it where they aren't there, and those
/// that were made go again if nothing came to lie in them.
public final class NewFolder implements AutoCloseable {
  private final List<Path> made = new ArrayList<>();

  private NewFolder() {}

  /// Makes the folder, or finds that it is there.
  ///
  /// @throws IOException when it can't be made
  public static NewFolder at(Path path) throws IOException {
    NewFolder folder = new NewFolder();
    try {
      folder.make(path.toAbsolutePath().normalize());
      return folder;
    } catch (IOException e) {
      folder.close();
      throw AtomicFile.explain(path, e);
    }
  }

  private void make(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    if (folder.getParent() != null) {
      make(folder.getParent());
    }
    try {
      TemporaryFiles.add(folder);
      Files.createDirectory(folder);
      made.add(folder);
    } catch (FileAlreadyExistsException e) {
      TemporaryFiles.remove(folder);
      if (!Files.isDirectory(folder)) {
        throw e;
      }
    }
  }

  /// Deletes the folders that were made and are empty.
  @Override
  public void close() {
    for (Path folder : made.reversed()) {
      try {
        Files.deleteIfExists(folder);
      } catch (IOException _) {
        // it isn't empty
      }
      TemporaryFiles.remove(folder);
    }
    made.clear();
  }
}
