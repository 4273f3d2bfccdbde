package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A command that is ended while it writes a large file.
@Tag("slow")
class InterruptedOutputTest {
  private static final int BY_SIGTERM = 143;

  @TempDir private Path folder;
  @TempDir private Path logs;
  private Process process;

  @AfterEach
  void end() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  @Test
  void aSignalLeavesNothing() throws Exception {
    Path output = startWriting();
    CommandRun.of("bench", "--make", "S", "--type", "Q4_0", "--output", output, "--force")
        .assertFails(2, output + " is being written by another process");
    assertTrue(files().stream().anyMatch(name -> name.endsWith(".tmp")), "it still writes");
    process.destroy();
    assertEquals(BY_SIGTERM, ProgramProcess.finish(process));
    assertEquals(List.of(), files());
    String said = Files.readString(logs.resolve("log"));
    assertEquals("lorikeet: interrupted", said.strip());
  }

  @Test
  void whatAKilledProcessLeavesGoesWithTheNextStart() throws Exception {
    Path output = startWriting();
    process.destroyForcibly();
    process.waitFor();
    assertEquals(2, files().size(), "the lock and the incomplete file");
    new OutputPlan().writes("--output", output).claim(false).close();
    assertEquals(List.of(), files());
  }

  private Path startWriting() throws Exception {
    Path output = folder.resolve("m.gguf");
    List<String> command = new ArrayList<>(ProgramProcess.command());
    command.addAll(List.of("bench", "--make", "M", "--type", "Q4_0", "--output", "" + output));
    process = ProgramProcess.start(command, logs.resolve("log"));
    while (files().stream().noneMatch(name -> name.endsWith(".tmp"))) {
      assertFalse(process.waitFor(2, TimeUnit.MILLISECONDS), () -> "it has ended: " + logs);
    }
    return output;
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
