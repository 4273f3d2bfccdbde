package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Kills a training process at random moments, resumes it, kills it again, and compares the end
/// with that of a run that was left alone. `bench/torture KILLS` makes it long.
@Tag("slow")
class TortureTest {
  private static final int KILLS = Integer.getInteger("lorikeet.torture.kills", 2);
  private static final long SEED = Long.getLong("lorikeet.seed", 1);
  private static final int STEPS = 40;

  private static final int MOST_KILLS_OF_A_RUN = 9;
  private static final int MOST_STEPS_OF_A_LIFE = 8;

  @TempDir private Path folder;
  private final SplittableRandom random = new SplittableRandom(SEED);
  private Path base;
  private Path data;
  private int kills;
  private int afterSteps;

  /// Nanoseconds from a process's start to its first step.
  private long untilStep;

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    data = folder.resolve("data.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      lines.add("{\"prompt\": \"count %d\", \"completion\": \" %d and on\"}".formatted(i, i + 1));
    }
    Files.write(data, lines);
  }

  @Test
  void killedRunsEndAsIfTheyHadNotBeen() throws Exception {
    Path alone = Files.createDirectory(folder.resolve("alone"));
    long start = System.nanoTime();
    Process process = start(alone);
    awaitSteps(process, metrics(alone), 1);
    untilStep = System.nanoTime() - start;
    assertEquals(0, ProgramProcess.finish(process));
    int runs = 0;
    while (kills < KILLS) {
      Path run = Files.createDirectory(folder.resolve("run" + runs++));
      torture(run);
      assertSame(alone, run);
      delete(run);
      if (runs % 20 == 0) {
        report(runs);
      }
    }
    report(runs);
  }

  private void report(int runs) {
    System.out.printf(
        "torture: %d runs were killed %d times, %d of these after a step; every end was the same"
            + " (seed %d)%n",
        runs, kills, afterSteps, SEED);
  }

  /// A limit on the size of files stands in for a full disk at any write: of a checkpoint, the
  /// metrics, the adapter. The run, however it ends, can be resumed where there is room.
  @Test
  void aFullDiskLosesNothing() throws Exception {
    Path alone = Files.createDirectory(folder.resolve("alone"));
    assertEquals(0, ProgramProcess.finish(start(alone)));
    Path run = Files.createDirectory(folder.resolve("full"));
    int kilobytes = random.nextInt(2, 100);
    List<String> limited = new ArrayList<>();
    limited.addAll(List.of("bash", "-c", "ulimit -f " + kilobytes + " && exec \"$@\"", "limited"));
    limited.addAll(command(run));
    int exitCode = ProgramProcess.finish(ProgramProcess.start(limited, run.resolve("log")));
    String log = Files.readString(run.resolve("log"));
    assertTrue(exitCode == 0 || exitCode == 1, log);
    assertTrue(log.contains("no checkpoint: ") || exitCode == 1, log);
    assertEquals(0, ProgramProcess.finish(start(run)), Files.readString(run.resolve("log")));
    assertSame(alone, run);
  }

  /// Kills and resumes a run until it ends by itself. Half of the kills fall at any time before a
  /// process's first step, or a little later; half after some steps more.
  private void torture(Path folderOfRun) throws Exception {
    int most = random.nextInt(1, Math.min(MOST_KILLS_OF_A_RUN, KILLS - kills) + 1);
    for (int i = 0; i < most; i++) {
      Process process = start(folderOfRun);
      if (random.nextBoolean()) {
        awaitSteps(process, metrics(folderOfRun), random.nextInt(1, MOST_STEPS_OF_A_LIFE + 1));
        process.waitFor(random.nextLong(untilStep / 10), TimeUnit.NANOSECONDS);
      } else {
        process.waitFor(random.nextLong(untilStep * 5 / 4), TimeUnit.NANOSECONDS);
      }
      if (!process.isAlive()) {
        assertEquals(0, ProgramProcess.finish(process));
        return;
      }
      afterSteps += size(metrics(folderOfRun)) > 0 ? 1 : 0;
      kill(process);
      kills++;
    }
    assertEquals(0, ProgramProcess.finish(start(folderOfRun)));
  }

  private void kill(Process process) throws Exception {
    int how = random.nextInt(8);
    if (how == 0) {
      process.destroy(); // SIGTERM: it ends by itself, with a checkpoint
    } else if (how == 1) {
      interrupt(process);
      process.waitFor(random.nextLong(100), TimeUnit.MILLISECONDS);
      interrupt(process); // the second one ends it at once
    } else {
      process.destroyForcibly();
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it doesn't end");
  }

  private static void interrupt(Process process) throws Exception {
    new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor();
  }

  /// Waits until a number of lines of metrics were added, or the process has ended.
  private static void awaitSteps(Process process, Path metrics, int steps) throws Exception {
    for (int i = 0; i < steps; i++) {
      long before = size(metrics);
      while (process.isAlive() && size(metrics) <= before) {
        process.waitFor(5, TimeUnit.MILLISECONDS);
      }
    }
  }

  private static long size(Path file) throws IOException {
    return Files.exists(file) ? Files.size(file) : 0;
  }

  private static Path metrics(Path folderOfRun) {
    return folderOfRun.resolve("run").resolve("metrics.jsonl");
  }

  /// Starts a new run, or goes on with the one that is there.
  private Process start(Path folderOfRun) throws IOException {
    return ProgramProcess.start(command(folderOfRun), folderOfRun.resolve("log"));
  }

  private List<String> command(Path folderOfRun) throws IOException {
    List<String> command = ProgramProcess.command();
    Path run = folderOfRun.resolve("run");
    if (Files.exists(metrics(folderOfRun)) && Files.size(metrics(folderOfRun)) > 0) {
      command.addAll(List.of("train", "--resume", run.toString()));
    } else {
      command.addAll(List.of("train", "--model", base.toString(), "--data", data.toString()));
      command.addAll(List.of("--output", folderOfRun.resolve("a.gguf").toString()));
      command.addAll(List.of("--run", run.toString(), "--steps", String.valueOf(STEPS)));
      command.addAll(List.of("--context", "48", "--accumulate", "2", "--rank", "4"));
      command.addAll(List.of("--dropout", "0.1", "--learning-rate", "5e-3", "--device", "cpu"));
      command.addAll(List.of("--threads", "1", "--validation", "0.1", "--evaluate-every", "7"));
      command.addAll(List.of("--checkpoint-every", "1"));
    }
    return command;
  }

  private static void assertSame(Path alone, Path killed) throws IOException {
    String context = "seed " + SEED + "\n" + Files.readString(killed.resolve("log"));
    for (String file :
        List.of("a.gguf", "a-best.gguf", "run/adapter.gguf", "run/adapter-best.gguf")) {
      assertEquals(-1, Files.mismatch(alone.resolve(file), killed.resolve(file)), context);
    }
    assertEquals(numbers(metrics(alone)), numbers(metrics(killed)), context);
    try (Stream<Path> files = Files.walk(killed.resolve("run"))) {
      assertEquals(
          List.of(),
          files.map(Path::toString).filter(f -> f.endsWith(".tmp") || f.endsWith(".lock")).toList(),
          context);
    }
  }

  private static List<ObjectNode> numbers(Path metrics) throws IOException {
    List<ObjectNode> lines = new ArrayList<>();
    for (String text : Files.readAllLines(metrics)) {
      ObjectNode line = (ObjectNode) new ObjectMapper().readTree(text);
      line.remove(List.of("seconds", "tokens_per_second"));
      lines.add(line);
    }
    return lines;
  }

  private static void delete(Path run) throws IOException {
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
