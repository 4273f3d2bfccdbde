package io.lorikeet.quant;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/// A file that one process at a time holds the lock of. The operating system takes the lock back
/// when the process ends in whatever way; the file itself goes when the lock is given back.
public final class LockFile implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  private LockFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Takes the lock, or finds that somebody has it. Where the file system knows no locks, anybody
  /// has it.
  ///
  /// @throws IOException when the file can't be made
  public static Optional<LockFile> tryTake(Path file) throws IOException {
    while (true) {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!isFree(channel)) {
        channel.close();
        return Optional.empty();
      }
      if (Files.exists(file)) {
        return Optional.of(new LockFile(file, channel));
      }
      channel.close(); // of a file that its holder deleted between opening and locking
    }
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
      }
    }
  }
}
