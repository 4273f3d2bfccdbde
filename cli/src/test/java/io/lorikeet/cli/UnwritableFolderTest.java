package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Folders whose permissions forbid writing, before a run and in the middle of one. Root may write
/// everywhere, so its process gives that right up.
@Tag("long")
class UnwritableFolderTest {
  private static final String RIGHTS = "-dac_override,-dac_read_search";
  private static final int STEPS = 40;

  @TempDir private Path folder;
  private List<String> start;
  private Path base;
  private Path data;
  private Path locked;
  private Path log;

  @BeforeEach
  void makeFiles() throws Exception {
    start = mortal();
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    data = folder.resolve("data.jsonl");
    Files.writeString(data, "{\"prompt\": \"count on\", \"completion\": \" and on\"}\n".repeat(9));
    locked = Files.createDirectory(folder.resolve("locked"));
    log = folder.resolve("log");
  }

  /// The command prefix for a process that permissions apply to.
  private List<String> mortal() throws Exception {
    if (!System.getProperty("user.name").equals("root")) {
      return List.of();
    }
    List<String> prefix = List.of("setpriv", "--bounding-set=" + RIGHTS, "--inh-caps=" + RIGHTS);
    List<String> trial = new ArrayList<>(prefix);
    trial.add("true");
    try {
      assumeTrue(new ProcessBuilder(trial).start().waitFor() == 0, "root can't give up its rights");
    } catch (IOException _) {
      assumeTrue(false, "there is no setpriv with which root could give up its rights");
    }
    return prefix;
  }

  @AfterEach
  void unlock() throws IOException {
    if (locked != null) {
      permit("rwxr-xr-x", locked, locked.resolve("run"), locked.resolve("run/checkpoints"));
    }
  }

  private static void permit(String permissions, Path... folders) throws IOException {
    for (Path folder : folders) {
      if (Files.exists(folder)) {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(permissions));
      }
    }
  }

  @Test
  void nothingIsBegunWhereNothingCanBeWritten() throws Exception {
    permit("r-xr-xr-x", locked);
    Path output = folder.resolve("a.gguf");
    fails(1, locked + ": permission denied", "--output", output, "--run", locked);
    Path run = locked.resolve("run");
    fails(1, run + ": permission denied", "--output", output, "--run", run);
    fails(
        2,
        "output: nothing can be written to the folder " + locked + ": its permissions forbid it",
        "--output",
        locked.resolve("a.gguf"));
    fails(1, locked.toString(), "--output", output, "--cache", locked.resolve("cache"));
    assertFalse(Files.exists(output));
  }

  private void fails(int exitCode, String words, Object... more) throws Exception {
    int actual = ProgramProcess.finish(train(more));
    String said = Files.readString(log);
    assertEquals(exitCode, actual, said);
    assertTrue(said.contains(words), said);
    assertFalse(said.contains("Exception"), said);
    assertFalse(said.contains("step 1/"), said);
  }

  /// Its adapter is written, for the output's folder can be; and it can be resumed afterwards.
  @Test
  void aRunFolderThatIsLockedMeanwhile() throws Exception {
    Path run = locked.resolve("run");
    Path output = folder.resolve("a.gguf");
    Process process = train("--output", output, "--run", run, "--checkpoint-every", 1);
    awaitCheckpoint(process, run);
    permit("r-xr-xr-x", run, run.resolve("checkpoints"));
    int exitCode = ProgramProcess.finish(process);
    String said = Files.readString(log);
    assertEquals(0, exitCode, said);
    assertTrue(said.contains("no checkpoint: "), said);
    assertTrue(said.contains("no copy of the adapter: can't write " + run), said);
    assertTrue(said.contains("the folder " + run + " can't be written to"), said);
    assertFalse(Files.exists(run.resolve("adapter.gguf")));
    assertEquals(STEPS, Files.readAllLines(run.resolve("metrics.jsonl")).size());
    Path whole = folder.resolve("whole.gguf");
    assertEquals(0, ProgramProcess.finish(train("--output", whole, "--run", folder.resolve("w"))));
    assertEquals(-1, Files.mismatch(whole, output));
    permit("rwxr-xr-x", run, run.resolve("checkpoints"));
    Files.delete(output);
    assertEquals(0, ProgramProcess.finish(program("--resume", run)), Files.readString(log));
    assertEquals(-1, Files.mismatch(whole, output));
    assertEquals(-1, Files.mismatch(whole, run.resolve("adapter.gguf")));
    assertEquals(STEPS, Files.readAllLines(run.resolve("metrics.jsonl")).size());
  }

  @Test
  void anOutputFolderThatIsLockedMeanwhile() throws Exception {
    Path run = folder.resolve("run");
    Path output = locked.resolve("a.gguf");
    Process process = train("--output", output, "--run", run, "--checkpoint-every", 1);
    awaitCheckpoint(process, run);
    permit("r-xr-xr-x", locked);
    assertEquals(1, ProgramProcess.finish(process));
    String said = Files.readString(log);
    assertTrue(said.contains("can't write " + output + ": the folder " + locked), said);
    assertTrue(said.contains("It is in " + run.resolve("adapter.gguf")), said);
    assertTrue(Files.exists(run.resolve("adapter.gguf")));
    permit("rwxr-xr-x", locked);
    assertEquals(0, ProgramProcess.finish(program("--resume", run)), Files.readString(log));
    assertEquals(-1, Files.mismatch(output, run.resolve("adapter.gguf")));
  }

  private void awaitCheckpoint(Process process, Path run) throws Exception {
    while (process.isAlive() && !Files.exists(run.resolve("checkpoints/step-00000001.gguf"))) {
      process.waitFor(2, TimeUnit.MILLISECONDS);
    }
    assertTrue(process.isAlive(), () -> "it has ended: " + log);
  }

  private Process train(Object... more) throws IOException {
    List<Object> arguments = new ArrayList<>(List.of("--model", base, "--data", data));
    arguments.addAll(List.of("--steps", STEPS, "--context", 48, "--accumulate", 2, "--rank", 4));
    arguments.addAll(List.of("--device", "cpu", "--threads", 1));
    arguments.addAll(Arrays.asList(more));
    return program(arguments.toArray());
  }

  private Process program(Object... arguments) throws IOException {
    List<String> command = new ArrayList<>(start);
    command.addAll(ProgramProcess.command());
    command.add("train");
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return ProgramProcess.start(command, log);
  }
}
