package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LockFile;
import io.lorikeet.train.checkpoint.CheckpointFolder;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The folder of one training run: `config.yaml` (the resolved configuration), `computation.yaml`
/// (where and how it is computed), `metrics.jsonl` (see [MetricsFile]) and the checkpoints. It
/// belongs to one process until it is closed, and never to a second run: an earlier run's files
/// stay what they are. Where a run ends before it has measured anything, its files are taken away
/// again, and the folder too if it was made for it.
@Beta
public final class RunFolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);

  private final Path folder;
  private final boolean made;
  private final boolean resumed;
  private final LockFile lock;

  private RunFolder(Path folder, boolean made, boolean resumed, LockFile lock) {
    this.folder = folder;
    this.made = made;
    this.resumed = resumed;
    this.lock = lock;
  }

  /// Makes the folder, or takes an existing one that no run has used; one that was killed before it
  /// had measured anything hasn't.
  ///
  /// @throws InvalidInputException if it holds an earlier run, or another process trains in it
  public static RunFolder take(Path folder) throws IOException {
    boolean made = !Files.exists(folder);
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException | NotDirectoryException _) {
      throw new InvalidInputException("run: " + folder + " is a file, not a folder");
    } catch (NoSuchFileException e) { // /proc says that there is none, instead of that none can be
      throw new IOException("run: the folder " + folder + " can't be made; choose another", e);
    }
    boolean killed = Files.exists(folder.resolve(RunFiles.LOCK)); // nobody else leaves that file
    LockFile lock = lock(folder);
    boolean used = killed ? RunFiles.holdsWork(folder) : RunFiles.holdsRun(folder);
    if (used) {
      lock.close();
      throw new InvalidInputException(
          "run: %s holds an earlier run (config.yaml or metrics.jsonl). Go on with it by: %s\nOr choose another folder, or remove that one"
              .formatted(folder, ResumedRun.command(folder)));
    }
    AtomicFile.deleteStale(folder);
    return new RunFolder(folder, made, false, lock);
  }

  /// Takes the folder of a run that is to go on.
  ///
  /// @throws InvalidInputException if it holds none, or another process trains in it
  public static RunFolder reopen(Path folder) throws IOException {
    requireRun(folder);
    LockFile lock = lock(folder);
    AtomicFile.deleteStale(folder);
    return new RunFolder(folder, false, true, lock);
  }

  /// @throws InvalidInputException if the folder holds no run that could go on
  static void requireRun(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InvalidInputException("resume: there is no folder " + folder);
    }
    if (!Files.exists(folder.resolve(RunFiles.CONFIG))) {
      throw new InvalidInputException(
          "resume: "
              + folder
              + " holds no run, it has no "
              + RunFiles.CONFIG
              + ". Give the folder of a run, which lies beside its adapter unless --run said otherwise");
    }
  }

  /// The run's checkpoints.
  public CheckpointFolder checkpoints() {
    return new CheckpointFolder(folder);
  }

  /// The configuration's file in a run's folder.
  static Path configuration(Path folder) {
    return folder.resolve(RunFiles.CONFIG);
  }

  /// The metrics' file in a run's folder.
  static Path metrics(Path folder) {
    return folder.resolve(RunFiles.METRICS);
  }

  public Path path() {
    return folder;
  }

  /// Where the run's metrics go.
  public Path metrics() {
    return metrics(folder);
  }

  /// Writes the configuration, and how the run is computed.
  public void write(TrainingConfig config, Computation computation) throws IOException {
    write(RunFiles.COMPUTATION, computation.text());
    write(RunFiles.CONFIG, ConfigFile.write(config)); // last: with it, the folder holds a run
  }

  private void write(String name, String text) throws IOException {
    try (AtomicFile file = AtomicFile.create(folder.resolve(name))) {
      Files.writeString(file.path(), text);
      file.commit();
    }
  }

  /// How the run was computed, if that is known.
  ///
  /// @param config of the run
  public Optional<Computation> computation(TrainingConfig config) throws IOException {
    Path file = folder.resolve(RunFiles.COMPUTATION);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    return Optional.of(
        Computation.parse(
            file.toString(),
            Files.readString(file),
            config.get(Settings.BATCH_SIZE),
            config.get(Settings.CONTEXT)));
  }

  /// Releases the folder. Files that can't be deleted, as in a folder that has become read-only,
  /// stay: no run fails by that.
  @Override
  public void close() {
    try (lock) {
      checkpoints().removeIfEmpty();
      boolean unused = !resumed && !RunFiles.holdsWork(folder);
      if (unused) {
        for (String name : RunFiles.STORY) {
          Files.deleteIfExists(folder.resolve(name));
        }
      }
      lock.close();
      if (unused && made && isEmpty()) {
        Files.delete(folder);
      }
    } catch (IOException e) {
      LOG.debug("{} couldn't be cleaned up", folder, e);
    }
  }

  private boolean isEmpty() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static LockFile lock(Path folder) throws IOException {
    try {
      return LockFile.tryTake(folder.resolve(RunFiles.LOCK))
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      "run: another training run works in " + folder + "; choose another folder"));
    } catch (AccessDeniedException _) {
      throw new AccessDeniedException(folder.toString()); // the lock is nobody's business
    }
  }
}
