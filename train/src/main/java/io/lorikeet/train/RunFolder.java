package io.lorikeet.train;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;

/// The folder of one training run: `config.yaml` (the resolved configuration) and `metrics.jsonl`
/// (see [MetricsFile]). It belongs to one process until it is closed, and never to a second run: an
/// earlier run's files stay what they are. Where a run ends before it has measured anything, its
/// files are taken away again, and the folder too if it was made for it.
public final class RunFolder implements AutoCloseable {
  private static final String CONFIG = "config.yaml";
  private static final String METRICS = "metrics.jsonl";
  private static final String LOCK = "run.lock";

  private final Path folder;
  private final boolean made;
  private final FileChannel lockFile;

  private RunFolder(Path folder, boolean made, FileChannel lockFile) {
    this.folder = folder;
    this.made = made;
    this.lockFile = lockFile;
  }

  /// The folder that a run has by default: the output's name with `-run` for its ending, and a
  /// number where an earlier run is there: `adapter-run`, `adapter-run-2`, …
  static Path beside(Path output) {
    String name = output.getFileName().toString().replaceFirst("(?i)\\.gguf$", "") + "-run";
    Path folder = output.resolveSibling(name);
    for (int number = 2; holdsRun(folder) || Files.exists(folder.resolve(LOCK)); number++) {
      folder = output.resolveSibling(name + "-" + number);
    }
    return folder;
  }

  /// Makes the folder, or takes an existing one that no run has used.
  ///
  /// @throws InvalidInputException if it holds an earlier run, or another process trains in it
  public static RunFolder take(Path folder) throws IOException {
    boolean made = !Files.exists(folder);
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException | NotDirectoryException _) {
      throw new InvalidInputException("run: " + folder + " is a file, not a folder");
    }
    FileChannel lock = lock(folder);
    if (holdsRun(folder)) {
      Files.deleteIfExists(folder.resolve(LOCK));
      lock.close();
      throw new InvalidInputException(
          "run: "
              + folder
              + " holds an earlier run (config.yaml or metrics.jsonl); choose another folder, or"
              + " remove that one");
    }
    return new RunFolder(folder, made, lock);
  }

  public Path path() {
    return folder;
  }

  /// Where the run's metrics go.
  public Path metrics() {
    return folder.resolve(METRICS);
  }

  /// Writes the configuration.
  public void write(TrainingConfig config) throws IOException {
    Path temporary = folder.resolve(CONFIG + ".tmp");
    Files.writeString(temporary, ConfigFile.write(config));
    Files.move(
        temporary,
        folder.resolve(CONFIG),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /// Gives the folder back.
  @Override
  public void close() throws IOException {
    boolean unused = sizeOf(metrics()) == 0;
    if (unused) {
      Files.deleteIfExists(metrics());
      Files.deleteIfExists(folder.resolve(CONFIG));
    }
    Files.deleteIfExists(folder.resolve(LOCK));
    lockFile.close();
    if (unused && made && isEmpty()) {
      Files.delete(folder);
    }
  }

  private boolean isEmpty() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static FileChannel lock(Path folder) throws IOException {
    FileChannel channel =
        FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException _) {
      // held by this very process: said below
    } finally {
      if (lock == null) {
        channel.close();
      }
    }
    if (lock == null) {
      throw new InvalidInputException(
          "run: another training run works in " + folder + "; choose another folder");
    }
    return channel;
  }

  private static boolean holdsRun(Path folder) {
    return Files.exists(folder.resolve(CONFIG)) || sizeOf(folder.resolve(METRICS)) > 0;
  }

  /// A file's bytes, 0 where there is none.
  private static long sizeOf(Path file) {
    try {
      return Files.size(file);
    } catch (IOException _) {
      return 0;
    }
  }
}
