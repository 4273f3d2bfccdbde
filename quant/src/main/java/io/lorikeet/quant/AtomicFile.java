package io.lorikeet.quant;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A file that appears under its name only when it is complete: it is written under a temporary
/// name in the same folder, forced to disk and then renamed. Closed without [#commit], it leaves
/// nothing behind; nor does a process that a signal ends, see [TemporaryFiles].
public final class AtomicFile implements AutoCloseable {
  private static final String TEMPORARY = "\\.(\\d+)\\.[0-9a-f]{8}\\.tmp";
  private static final Pattern STALE = Pattern.compile("\\..+" + TEMPORARY);
  private static final int MOST_LINKS = 40; // as Linux follows

  private final Path target;
  private final Path temporary;
  private boolean committed;

  private AtomicFile(Path target, Path temporary) {
    this.target = target;
    this.temporary = temporary;
  }

  /// Begins a file, with an empty one under the temporary name.
  ///
  /// @param target where a link stands under that name, the file that it leads to is written,
  ///     whether it is there yet or not
  /// @throws IOException when the folder doesn't exist or can't be written, or `target` isn't an
  ///     ordinary file
  public static AtomicFile create(Path target) throws IOException {
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new IOException(
          "can't write " + target + ": it isn't an ordinary file. Give the name of a file");
    }
    Path file = behindLinks(target);
    String suffix = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
    String name =
        ".%s.%s.%s.tmp".formatted(file.getFileName(), ProcessHandle.current().pid(), suffix);
    Path temporary = file.resolveSibling(name);
    try {
      TemporaryFiles.add(temporary);
      Files.createFile(temporary);
    } catch (IOException e) {
      TemporaryFiles.remove(temporary);
      throw explain(target, e);
    }
    return new AtomicFile(file, temporary);
  }

  /// The file that is written under a name: the end of all links, whether it is there or not.
  ///
  /// @throws IOException when the links lead nowhere but to each other
  static Path behindLinks(Path name) throws IOException {
    Path file = name.toAbsolutePath();
    for (int links = 0; Files.isSymbolicLink(file); links++) {
      if (links == MOST_LINKS) {
        throw new IOException("can't write " + name + ": its links lead in a circle");
      }
      file = file.resolveSibling(Files.readSymbolicLink(file));
    }
    if (Files.exists(file)) {
      return file.toRealPath();
    }
    Path folder = PathParts.folder(file);
    return Files.exists(folder) ? folder.toRealPath().resolve(file.getFileName()) : file;
  }

  /// The names that [#create] gives what isn't complete, also where that is made of another
  /// incomplete file, with the process that writes as the first group.
  static Pattern temporaryNames(Path file) {
    String name = Pattern.quote(file.getFileName().toString());
    return Pattern.compile("\\.+" + name + "(?:" + TEMPORARY + ")+");
  }

  /// Deletes what processes that were killed left half-written. Only for a folder in which no other
  /// process writes.
  public static void deleteStale(Path folder) throws IOException {
    deleteStale(folder, Duration.ZERO);
  }

  /// The same where other processes may write: deletes what wasn't written to for so long.
  public static void deleteStale(Path folder, Duration age) throws IOException {
    Instant before = Instant.now().minus(age);
    List<Path> stale;
    try (Stream<Path> files = Files.list(folder)) {
      stale = files.filter(file -> STALE.matcher(file.getFileName().toString()).matches()).toList();
    }
    for (Path file : stale) {
      if (age.isZero() || Files.getLastModifiedTime(file).toInstant().isBefore(before)) {
        Files.deleteIfExists(file);
      }
    }
  }

  /// The temporary name under which the bytes are to be written.
  public Path path() {
    return temporary;
  }

  /// Forces what was written to disk and gives it its name. A file that had it is replaced, unless
  /// it appeared since this process made an [OutputClaim].
  ///
  /// @throws IOException when the disk refuses; there is then no new file under the name
  public void commit() throws IOException {
    try {
      force(temporary, StandardOpenOption.WRITE);
      TemporaryFiles.unlessEnding(() -> OutputClaim.rename(temporary, target));
      committed = true;
      TemporaryFiles.remove(temporary);
      // Without this a power cut can undo the renaming.
      force(PathParts.folder(target), StandardOpenOption.READ);
    } catch (IOException e) {
      throw explain(target, e);
    }
  }

  private static void force(Path path, StandardOpenOption mode) throws IOException {
    try (FileChannel channel = FileChannel.open(path, mode)) {
      channel.force(true);
    }
  }

  /// Deletes the temporary file, if it wasn't committed.
  @Override
  public void close() throws IOException {
    if (!committed) {
      Files.deleteIfExists(temporary);
      TemporaryFiles.remove(temporary);
    }
  }

  /// The same failure in words that name the file asked for rather than the temporary one, and what
  /// to do.
  public static IOException explain(Path target, IOException cause) {
    Path folder = folderOf(target);
    String reason =
        cause instanceof FileSystemException system ? system.getReason() : cause.getMessage();
    String words;
    if (cause instanceof NoSuchFileException && !Files.isDirectory(folder)) {
      words = "the folder " + folder + " doesn't exist. Create it, or choose another";
    } else if (cause instanceof AccessDeniedException && !Files.isWritable(folder)) {
      words = "the folder " + folder + " can't be written to. Change that, or choose another";
    } else if (reason != null && isFull(reason)) {
      words = "the disk is full. Free some space, or choose another folder than " + folder;
    } else if (reason != null) {
      words = reason;
    } else {
      words = "the folder " + folder + " takes no such file. Choose another";
    }
    return new IOException("can't write " + target + ": " + words, cause);
  }

  private static Path folderOf(Path target) {
    try {
      return PathParts.folder(behindLinks(target));
    } catch (IOException _) {
      return PathParts.folder(target.toAbsolutePath());
    }
  }

  private static boolean isFull(String reason) {
    return reason.contains("No space left") || reason.contains("Disk quota exceeded");
  }
}
