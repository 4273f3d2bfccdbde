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

/// The folder of one training run: `config.yaml` (the resolved configuration) and `metrics.jsonl`
/// (see [MetricsFile]). It belongs to one process until it is closed, and never to a second run: an
/// earlier run's metrics stay what they are.
public final class RunFolder implements AutoCloseable {
  private static final String CONFIG = "config.yaml";
  private static final String METRICS = "metrics.jsonl";
  private static final String LOCK = "run.lock";

  private final Path folder;
  private final FileChannel lockFile;

  private RunFolder(Path folder, FileChannel lockFile) {
    this.folder = folder;
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

  /// Makes the configuration's folder, takes it, and writes the configuration to it.
  ///
  /// @throws InvalidInputException if it holds an earlier run, or another process trains in it
  public static RunFolder create(TrainingConfig config) throws IOException {
    Path folder = config.run();
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException | NotDirectoryException _) {
      throw new InvalidInputException("run: " + folder + " is a file, not a folder");
    }
    RunFolder run = new RunFolder(folder, lock(folder));
    try {
      if (holdsRun(folder)) {
        throw new InvalidInputException(
            "run: "
                + folder
                + " holds the metrics of an earlier run; choose another folder, or remove that"
                + " one");
      }
      run.write(config);
      return run;
    } catch (IOException | RuntimeException e) {
      run.close();
      throw e;
    }
  }

  public Path path() {
    return folder;
  }

  /// Where the run's metrics go.
  public Path metrics() {
    return folder.resolve(METRICS);
  }

  /// Writes the configuration again, when more of it has been decided.
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
    Files.deleteIfExists(folder.resolve(LOCK));
    lockFile.close();
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
    try {
      return Files.size(folder.resolve(METRICS)) > 0;
    } catch (IOException _) {
      return false;
    }
  }
}
