package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// The program in a process of its own, for tests.
final class ProgramProcess {
  private ProgramProcess() {}

  /// The command that starts it, to which its arguments are added.
  static List<String> command() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-Xmx256m", "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("--enable-native-access=ALL-UNNAMED");
    System.getProperties()
        .forEach(
            (key, value) -> {
              if (key.toString().startsWith("lorikeet.")) {
                command.add("-D" + key + "=" + value);
              }
            });
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    return command;
  }

  /// @param log where all that it prints goes
  static Process start(List<String> command, Path log) throws IOException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /// Waits for its end.
  ///
  /// @return its exit code
  static int finish(Process process) throws InterruptedException {
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it doesn't end");
    return process.exitValue();
  }
}
