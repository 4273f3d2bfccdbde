package io.lorikeet.quant;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// A file that one process at a time holds the lock of. The operating system takes the lock back
/// when the process ends in whatever way; the file itself goes when the lock is given back.
public final class LockFile implements AutoCloseable {
  /// The files that this process holds. On POSIX systems, closing any channel of a file gives back
  /// the process's locks of it, so that a file that is held is never opened again.
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path file;
  private final FileChannel channel;

  /// @param file its real path
  private LockFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Takes the lock, or finds that somebody has it. Where the file system knows no locks, anybody
  /// has it.
  ///
  /// @throws IOException when the file can't be made
  public static Optional<LockFile> tryTake(Path file) throws IOException {
    Path real = real(file);
    if (!HELD.add(real)) {
      return Optional.empty();
    }
    Optional<LockFile> taken = Optional.empty();
    try {
      taken = takeFromOthers(real);
      return taken;
    } finally {
      if (taken.isEmpty()) {
        HELD.remove(real);
      }
    }
  }

  private static Optional<LockFile> takeFromOthers(Path real) throws IOException {
    while (true) {
      FileChannel channel =
          FileChannel.open(real, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!isFree(channel)) {
        channel.close();
        return Optional.empty();
      }
      if (Files.exists(real)) {
        return Optional.of(new LockFile(real, channel));
      }
      channel.close(); // of a file that its holder deleted between opening and locking
    }
  }

  /// Whether a process holds the lock, this one or another. Where it can't be told, nobody does.
  public static boolean isHeld(Path file) {
    try {
      if (!Files.exists(file)) {
        return false;
      }
      Path real = real(file);
      if (HELD.contains(real)) {
        return true;
      }
      try (FileChannel channel = FileChannel.open(real, StandardOpenOption.WRITE)) {
        return !isFree(channel);
      }
    } catch (IOException _) {
      return false;
    }
  }

  private static Path real(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    return PathParts.folder(absolute).toRealPath().resolve(PathParts.name(absolute));
  }

  private static boolean isFree(FileChannel channel) {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException _) {
      return false; // this very process has it
    } catch (IOException _) {
      return true; // this file system has no locks
    }
  }

  /// Deletes the file and gives the lock back, in this order: whoever takes it next has a file of
  /// its own. Does nothing the second time.
  @Override
  public void close() throws IOException {
    if (channel.isOpen()) {
      try (channel) {
        Files.deleteIfExists(file);
      } finally {
        HELD.remove(file);
      }
    }
  }
}
