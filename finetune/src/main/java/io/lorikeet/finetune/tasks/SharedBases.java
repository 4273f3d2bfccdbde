package io.lorikeet.finetune.tasks;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The base that all tasks of a process share: mapped once, and hashed once.
final class SharedBases {
  private static @Nullable GgufFile base;

  private SharedBases() {}

  /// The open file; it stays open until another is asked for.
  ///
  /// @throws InvalidInputException when it isn't the one with this hash
  static synchronized GgufFile open(Path file, String hash) throws IOException {
    if (base == null || !base.path().equals(file) || !base.hash().equals(hash)) {
      GgufFile opened = GgufFile.open(file);
      if (!opened.hash().equals(hash)) {
        opened.close();
        throw new InvalidInputException(
            "%s isn't the base of the tasks: its SHA-256 is another".formatted(file));
      }
      base = opened; // tasks that still use the one before keep it
    }
    base.checkUnchanged();
    return base;
  }
}
