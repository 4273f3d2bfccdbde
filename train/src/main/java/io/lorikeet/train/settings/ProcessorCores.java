package io.lorikeet.train.settings;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/// Counts processor cores. Two threads of one core share its arithmetic units, so matrix products
/// gain nothing from a second one.
public final class ProcessorCores {
  private static final Path LINUX_PROCESSORS = Path.of("/sys/devices/system/cpu");

  private ProcessorCores() {}

  /// Physical cores, but no more than the processors this process may use. Where the system doesn't
  /// tell (only Linux's `/sys` is asked), all processors count.
  public static int physical() {
    int available = Runtime.getRuntime().availableProcessors();
    Set<String> cores = new HashSet<>();
    try (DirectoryStream<Path> processors =
        Files.newDirectoryStream(LINUX_PROCESSORS, "cpu[0-9]*")) {
      for (Path processor : processors) {
        Path siblings = processor.resolve("topology/thread_siblings_list");
        if (Files.isReadable(siblings)) {
          cores.add(Files.readString(siblings).strip());
        }
      }
    } catch (IOException _) {
      return available;
    }
    return cores.isEmpty() ? available : Math.min(cores.size(), available);
  }
}
