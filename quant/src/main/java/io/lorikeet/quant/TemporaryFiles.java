package io.lorikeet.quant;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.Set;

/// Files that this process deletes when it ends, by Ctrl-C and SIGTERM too: the one shutdown hook.
/// Those of a process that was killed are left to the next [OutputClaim] of the same output.
public final class TemporaryFiles {
  private static final Set<Path> PATHS = new LinkedHashSet<>();
  private static boolean installed;
  private static boolean ending;
  private static Runnable ahead = () -> {};

  private TemporaryFiles() {}

  /// Something that must not happen any more once the files are being deleted.
  @FunctionalInterface
  interface Action {
    void run() throws IOException;
  }

  /// Runs a task when the process ends, before the files are deleted. The Java runtime runs
  /// shutdown hooks side by side, so a task of its own hook could lose a file that it still writes.
  public static synchronized void runAhead(Runnable task) {
    ahead = task;
    install();
  }

  /// From now on this file, or this folder if it is empty then, goes with the process.
  public static synchronized void add(Path path) {
    awaitEnd();
    install();
    PATHS.add(path.toAbsolutePath());
  }

  /// The file has been deleted, or is to stay.
  public static synchronized void remove(Path path) {
    PATHS.remove(path.toAbsolutePath());
  }

  /// Runs a short action, unless the process is ending.
  static synchronized void unlessEnding(Action action) throws IOException {
    awaitEnd();
    action.run();
  }

  /// A thread that comes here while the process ends waits until it has ended: what it was going to
  /// do would fail, and be told as a failure.
  private static void awaitEnd() {
    while (ending) {
      try {
        TemporaryFiles.class.wait();
      } catch (InterruptedException _) {
        // the process ends in a moment
      }
    }
  }

  private static void install() {
    if (!installed) {
      Runtime.getRuntime().addShutdownHook(new Thread(TemporaryFiles::end));
      installed = true;
    }
  }

  private static void end() {
    Runnable task;
    synchronized (TemporaryFiles.class) {
      task = ahead;
    }
    try {
      task.run();
    } finally {
      deleteAll();
    }
  }

  private static synchronized void deleteAll() {
    ending = true;
    for (Path path : new ArrayList<>(PATHS).reversed()) {
      try {
        Files.deleteIfExists(path);
      } catch (IOException _) {
        // a folder that isn't empty stays, and what can't be deleted too
      }
    }
  }
}
