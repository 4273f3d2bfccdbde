package io.lorikeet.train.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Where Jazzer, a coverage-guided fuzzer, gives its inputs to a [HostileReader]; `bench/fuzz` runs
/// it. With arguments of its own it writes the reader's seeds into a folder.
public final class FuzzEntry {
  private static final HostileReader READER =
      HostileReader.valueOf(System.getProperty("lorikeet.fuzz", "GGUF"));
  private static final Path FOLDER = temporary();

  static {
    READER.warmUp(FOLDER);
  }

  private FuzzEntry() {}

  private static Path temporary() {
    try {
      return Files.createTempDirectory("lorikeet-fuzz");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Jazzer's entry.
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    READER.take(input, FOLDER);
  }

  /// Writes seeds: READER FOLDER.
  public static void main(String[] args) throws IOException {
    int number = 0;
    for (byte[] seed : HostileReader.valueOf(args[0]).seeds(FOLDER)) {
      Files.write(Path.of(args[1], "seed-" + number++), seed);
    }
  }
}
