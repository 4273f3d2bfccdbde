package io.lorikeet.export.merge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Finds out before the work whether its result fits on the disk.
public final class DiskSpace {
  /// Room for the file's head and what else is written meanwhile.
  private static final long RESERVE = 16L << 20;

  private DiskSpace() {}

  /// @param bytes what shall be written beside `output`'s name
  /// @throws IOException when the disk has less, with both numbers
  public static void require(Path output, long bytes) throws IOException {
    Path folder = output.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      return; // said by who creates the file
    }
    requireFree(output, bytes, Files.getFileStore(folder).getUsableSpace());
  }

  static void requireFree(Path output, long bytes, long free) throws IOException {
    if (free < bytes + RESERVE) {
      throw new IOException(
          String.format(
              Locale.ROOT,
              "can't write %s: it needs %.2f GB and its disk has %.2f GB free. Free some space, or"
                  + " choose another folder",
              output,
              bytes / 1e9,
              free / 1e9));
    }
  }
}
