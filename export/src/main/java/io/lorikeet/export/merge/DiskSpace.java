package io.lorikeet.export.merge;

import io.lorikeet.quant.PathParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Finds out before the work whether its result fits on the disk.
public final class DiskSpace {
  private DiskSpace() {}

  /// @param bytes size of the files to be written beside `output`
  /// @throws IOException when the disk has less, with both numbers
  public static void require(Path output, long bytes) throws IOException {
    Path folder = PathParts.folder(output.toAbsolutePath());
    if (!Files.isDirectory(folder)) {
      return; // said by who creates the file
    }
    // Not Files.getFileStore, which fails where the mount isn't listed, as in a chroot.
    requireFree(output, bytes, folder.toFile().getUsableSpace());
  }

  static void requireFree(Path output, long bytes, long free) throws IOException {
    if (free < bytes) {
      throw new IOException(
          "can't write %s: it needs %s and its disk has %s free. Free some space, or choose another folder"
              .formatted(output, inWords(bytes), inWords(free)));
    }
  }

  private static String inWords(long bytes) {
    return bytes < 1e9
        ? String.format(Locale.ROOT, "%.2f MB", bytes / 1e6)
        : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
