package io.lorikeet.quant;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The right of one process to write a file, from before the work for it until after. It is a
/// [LockFile] beside the file, `.NAME.lock`. A file that wasn't there when the claim was made, and
/// is when the work is done, isn't replaced.
public final class OutputClaim implements AutoCloseable {
  private static final Duration CLOCK_SLACK = Duration.ofMinutes(1); // of another machine's disk
  private static final Map<Path, OutputClaim> CLAIMS = new HashMap<>();

  private final Path file;
  private final Path lockPath;
  private final LockFile lock;
  private boolean mayReplace;

  private OutputClaim(Path file, Path lockPath, LockFile lock) {
    this.file = file;
    this.lockPath = lockPath;
    this.lock = lock;
    mayReplace = Files.exists(file);
  }

  /// Claims a file, and deletes what processes that were killed have left half-written of it.
  ///
  /// @throws InvalidInputException when another process writes it
  /// @throws IOException when nothing can be written there
  public static OutputClaim take(Path name) throws IOException {
    Path file = AtomicFile.behindLinks(name);
    Path lockPath = file.resolveSibling("." + file.getFileName() + ".lock");
    Optional<LockFile> lock;
    try {
      lock = LockFile.tryTake(lockPath);
    } catch (IOException e) {
      throw AtomicFile.explain(name, e);
    }
    if (lock.isEmpty()) {
      throw new InvalidInputException(
          name + " is being written by another process. Wait for it, or give another name");
    }
    OutputClaim claim = new OutputClaim(file, lockPath, lock.get());
    synchronized (CLAIMS) {
      CLAIMS.put(file, claim);
    }
    TemporaryFiles.add(lockPath);
    deleteAbandoned(file);
    return claim;
  }

  /// Gives a complete file its name, replacing a file that had it unless that one appeared after
  /// this process had claimed the name.
  ///
  /// @throws IOException also for a file that appeared, which says where the complete one is
  static void rename(Path complete, Path target) throws IOException {
    OutputClaim claim;
    synchronized (CLAIMS) {
      claim = CLAIMS.get(target);
    }
    if (claim == null || claim.mayReplace) {
      Files.move(
          complete, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      return;
    }
    if (!tryRename(complete, target)) {
      Path other = freeName(target);
      Files.move(complete, other);
      throw new IOException(
          "a file of that name has appeared meanwhile, and is left as it is. The new file is "
              + other);
    }
    claim.mayReplace = true; // it is ours from now on
  }

  /// @return false where there is a file of that name already
  private static boolean tryRename(Path complete, Path target) throws IOException {
    try {
      Files.createLink(target, complete); // unlike renaming, never replaces anything
      Files.delete(complete);
      return true;
    } catch (FileAlreadyExistsException _) {
      return false;
    } catch (FileSystemException | UnsupportedOperationException _) {
      if (Files.exists(target)) { // a file system without hard links
        return false;
      }
      Files.move(complete, target);
      return true;
    }
  }

  /// The name with the lowest number, from 2, of which there is no file: `a-2.gguf`.
  static Path freeName(Path taken) {
    String name = taken.getFileName().toString();
    int dot = name.lastIndexOf('.');
    int end = dot > 0 && !Files.isDirectory(taken) ? dot : name.length();
    for (int number = 2; ; number++) {
      Path free = taken.resolveSibling(name.substring(0, end) + "-" + number + name.substring(end));
      if (!Files.exists(free)) {
        return free;
      }
    }
  }

  private static void deleteAbandoned(Path file) throws IOException {
    Pattern temporary = AtomicFile.temporaryNames(file);
    List<Path> abandoned;
    try (Stream<Path> files = Files.list(file.getParent())) {
      abandoned =
          files
              .filter(
                  each -> {
                    Matcher name = temporary.matcher(each.getFileName().toString());
                    return name.matches() && !isAtWork(Long.parseLong(name.group(1)), each);
                  })
              .toList();
    } catch (IOException _) {
      return; // a folder that can be written to and not be read
    }
    for (Path each : abandoned) {
      Files.deleteIfExists(each);
    }
  }

  /// Whether the process that began this file is still there. A process that is younger than the
  /// file only has the same number.
  private static boolean isAtWork(long process, Path file) {
    Optional<ProcessHandle> handle = ProcessHandle.of(process).filter(ProcessHandle::isAlive);
    if (handle.isEmpty()) {
      return false;
    }
    Optional<Instant> start = handle.get().info().startInstant();
    try {
      Instant written = Files.getLastModifiedTime(file).toInstant();
      return start.isEmpty() || !start.get().isAfter(written.plus(CLOCK_SLACK));
    } catch (IOException _) {
      return true;
    }
  }

  /// Gives the file free for others.
  @Override
  public void close() {
    synchronized (CLAIMS) {
      CLAIMS.remove(file, this);
    }
    try {
      lock.close();
    } catch (IOException _) {
      // in a folder that has become read-only the empty lock file stays; nobody holds it
    }
    TemporaryFiles.remove(lockPath);
  }
}
