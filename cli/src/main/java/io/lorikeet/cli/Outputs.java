package io.lorikeet.cli;

import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Checks of files to write, before any work is done for them.
final class Outputs {

  private Outputs() {}

  /// Refuses an output that is an input too.
  static void requireOther(Path output, Path input) throws IOException {
    if (Files.exists(output) && Files.exists(input) && Files.isSameFile(output, input)) {
      throw new InvalidInputException(
          "--output is " + input + ", which is read. Give another name for what is written");
    }
  }

  /// Finds out whether the file can be written.
  static void requireWritable(Path output) throws IOException {
    AtomicFile.create(output).close();
  }
}
