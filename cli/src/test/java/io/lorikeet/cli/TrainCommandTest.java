package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `train` on a random base: the whole way, and everything that can be wrong with what it is given.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class TrainCommandTest {
  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;
  private Path output;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    data = files.resolve("data.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      lines.add("{\"prompt\": \"count %d\", \"completion\": \" %d and on\"}".formatted(i, i + 1));
    }
    Files.write(data, lines);
  }

  @BeforeEach
  void nameOutput() {
    output = folder.resolve("adapter.gguf");
  }

  /// No temporary file stays after any test.
  @AfterEach
  void nothingHalfWritten() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      assertEquals(List.of(), all.filter(file -> file.toString().endsWith(".tmp")).toList());
    }
  }

  @Test
  void trainsExportsAndProves() throws IOException {
    CommandRun run =
        train(
            "--steps",
            8,
            "--context",
            64,
            "--learning-rate",
            0.02,
            "--rank",
            4,
            "--validation",
            0.2,
            "--watch");
    assertTrue(run.out().contains("watch: http://127.0.0.1:"), run.out());
    run.assertSucceeds();
    assertTrue(run.out().contains("parameters ("), run.out());
    assertTrue(run.out().contains("step 8/8"), run.out());
    assertTrue(run.out().contains("verified: "), run.out());
    assertTrue(run.out().contains("llama-server -m "), run.out());
    Path runFolder = folder.resolve("adapter-run");
    assertTrue(Files.exists(runFolder.resolve("config.yaml")));
    assertEquals(10, Files.readAllLines(runFolder.resolve("metrics.jsonl")).size());
    assertEquals(-1, Files.mismatch(output, runFolder.resolve("adapter.gguf")));
    try (GgufFile gguf = GgufFile.open(output)) {
      GgufMetadata metadata = gguf.metadata();
      assertEquals("4", metadata.requireString("lorikeet.training.rank"));
      assertTrue(metadata.value("lorikeet.training.output").isEmpty());
    }
    CommandRun.of("verify", "--model", base, "--adapter", output, "--threads", 1, "--device", "cpu")
        .assertSucceeds();
  }

  @Test
  void storesAsAskedAndProvesThat() throws IOException {
    Object[] settings = {
      "--steps", 2, "--context", 64, "--learning-rate", 0.02, "--rank", 32, "--validation", 0.2
    };
    Object[] stored =
        Stream.of(settings, new Object[] {"--store", "q8_0"}).flatMap(Stream::of).toArray();
    CommandRun run = train(stored);
    run.assertSucceeds();
    assertTrue(run.out().contains("verified: "), run.out());
    assertStored(TensorType.Q8_0, output);
    Path runFolder = folder.resolve("adapter-run");
    assertEquals(-1, Files.mismatch(output, runFolder.resolve("adapter.gguf")));
    CommandRun.of("train", "--resume", runFolder, "--store", "bf16").assertSucceeds();
    assertStored(TensorType.BF16, output);
    assertStored(TensorType.BF16, runFolder.resolve("adapter.gguf"));
    train("--store", "q4_0").assertFails(2, "f32, f16, bf16 or q8_0");
  }

  @Test
  void aFinishedRunSaysSoAndKeepsItsAdapter() throws IOException {
    CommandRun first =
        train("--steps", 3, "--context", 64, "--learning-rate", 0.02, "--validation", 0.2);
    first.assertSucceeds();
    for (String part :
        List.of(
            " for 3 steps, ",
            "training loss    ",
            "validation loss  ",
            "adapter          " + output,
            "next             lorikeet generate --model " + base)) {
      assertTrue(first.out().contains(part), first.out());
    }
    Path runFolder = folder.resolve("adapter-run");
    FileTime written = Files.getLastModifiedTime(output);
    CommandRun again = CommandRun.of("train", "--resume", runFolder).assertSucceeds();
    String finished = "had finished after 3 steps, and its adapter is still there";
    assertTrue(again.out().contains(finished), again.out());
    assertFalse(again.out().contains("verified: "), again.out());
    assertEquals(written, Files.getLastModifiedTime(output));
    Files.delete(output);
    CommandRun missing = CommandRun.of("train", "--resume", runFolder).assertSucceeds();
    assertTrue(missing.out().contains("verified: "), missing.out());
    assertTrue(Files.exists(output));
  }

  private static void assertStored(TensorType type, Path file) throws IOException {
    try (GgufFile gguf = GgufFile.open(file)) {
      gguf.tensors().forEach(tensor -> assertEquals(type, tensor.type(), tensor.name()));
      assertTrue(gguf.metadata().value("lorikeet.training.store").isEmpty());
    }
  }

  @Test
  void sameSeedSameBytes() throws IOException {
    Object[] settings = {
      "--steps", 2, "--context", 64, "--learning-rate", 0.02, "--seed", 7, "--dropout", 0.1
    };
    train(settings).assertSucceeds();
    Path first = output;
    output = folder.resolve("second.gguf");
    train(settings).assertSucceeds();
    assertEquals(-1, Files.mismatch(first, output));
    Files.writeString(output, "somebody's");
    train(settings).assertFails(2, "second.gguf exists already", "--force", "second-2.gguf");
    assertEquals("somebody's", Files.readString(output));
    assertFalse(Files.exists(folder.resolve("second-run-2")));
    Object[] forced = Stream.concat(Stream.of(settings), Stream.of("--force")).toArray();
    train(forced).assertSucceeds();
    assertEquals(-1, Files.mismatch(first, output));
  }

  /// An adapter that somebody puts there while this one is trained isn't lost, and neither is this.
  @Test
  void anOutputThatAppearsMeanwhile() throws Exception {
    Path metrics = folder.resolve("adapter-run/metrics.jsonl");
    Thread other =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (metrics.toFile().length() == 0) {
                    Thread.onSpinWait();
                  }
                  writeUnchecked(output, "somebody's");
                });
    CommandRun run = train("--steps", 30, "--context", 32, "--accumulate", 1);
    other.join();
    run.assertFails(1, "appeared meanwhile", "adapter-2.gguf", "It is in ");
    assertEquals("somebody's", Files.readString(output));
    Path copy = folder.resolve("adapter-run/adapter.gguf");
    assertEquals(-1, Files.mismatch(folder.resolve("adapter-2.gguf"), copy));
    CommandRun.of("train", "--resume", copy.getParent()).assertFails(2, "exists already");
    assertEquals("somebody's", Files.readString(output));
    CommandRun.of("train", "--resume", copy.getParent(), "--force").assertSucceeds();
    assertEquals(-1, Files.mismatch(output, copy));
  }

  private static void writeUnchecked(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void configurationFile() throws IOException {
    Path config = folder.resolve("config.yaml");
    Files.writeString(
        config,
        "model: %s\ndata: %s\noutput: %s\nsteps: 1\ncontext: 32\ndevice: cpu\nthreads: 1\nlearning-rate: 0.05\n"
            .formatted(base, data, output));
    CommandRun.of("train", "--config", config).assertSucceeds();
    Files.writeString(config, "modle: x\n");
    CommandRun.of("train", "--config", config).assertFails(2, "config.yaml:1", "modle", "model");
  }

  @Test
  void basesThatCantBeTrained() throws IOException {
    byte[] good = Files.readAllBytes(base);
    Path truncated = folder.resolve("truncated.gguf");
    Files.write(truncated, Arrays.copyOf(good, good.length / 2));
    assertRefused(truncated, "truncated.gguf");
    assertRefused(
        Files.writeString(folder.resolve("page.gguf"), "<html><body>404</body></html>"),
        "page.gguf");
    Path other =
        RandomModel.of(TensorType.F32)
            .put("general.architecture", new GgufValue.TextValue("qwen9"))
            .write(folder.resolve("other.gguf"));
    assertRefused(other, "qwen9", "llama");
    assertRefused(folder.resolve("missing.gguf"), "missing.gguf");
    assertRefused(Files.write(folder.resolve("empty.gguf"), new byte[0]), "empty.gguf");
  }

  private void assertRefused(Path model, String... words) {
    CommandRun.of("train", "--model", model, "--data", data, "--output", output)
        .assertFails(2, words);
    assertFalse(Files.exists(output));
  }

  @Test
  void dataThatCantBeUsed() throws IOException {
    Path bad = folder.resolve("bad.jsonl");
    Files.writeString(bad, "");
    assertDataRefused(bad, "bad.jsonl");
    Files.writeString(bad, "{\"text\": \"a\"}\nnonsense\n");
    assertDataRefused(bad, "bad.jsonl:2");
    Files.writeString(bad, "{\"prompt\": \"a\"}\n");
    assertDataRefused(bad, "bad.jsonl:1", "completion");
    Files.writeString(
        bad, "{\"prompt\": \"" + "word ".repeat(100) + "\", \"completion\": \"b\"}\n");
    CommandRun.of("train", "--model", base, "--data", bad, "--output", output, "--context", 16)
        .assertFails(2, "context of 16");
    assertDataRefused(folder.resolve("missing.jsonl"), "missing.jsonl");
  }

  private void assertDataRefused(Path file, String... words) {
    CommandRun.of("train", "--model", base, "--data", file, "--output", output)
        .assertFails(2, words);
    assertFalse(Files.exists(output));
    assertFalse(Files.exists(folder.resolve("adapter-run")));
  }

  @Test
  void settingsThatMakeNoSense() {
    train("--rank", 0).assertFails(2, "--rank: expected a whole number from 1 to");
    train("--target", "attn").assertFails(2, "attn", "attention");
    train("--leraning-rate", 1)
        .assertFails(2, "unknown option '--leraning-rate'", "--learning-rate");
    train("--rank").assertFails(2, "--rank");
    train("--rank", "x").assertFails(2, "--rank", "'x'");
    train("--device", "vulkan9").assertFails(2, "vulkan9");
    train("--steps", 1, "--epochs", 1).assertFails(2, "steps or epochs");
    train("--resume", folder, "--find-learning-rate").assertFails(2, "--find-learning-rate");
    CommandRun.of("train", "--model", base, "--data", data).assertFails(2, "--output");
  }

  @Test
  void outputsThatCantBeWritten() {
    output = folder.resolve("none").resolve("adapter.gguf");
    train().assertFails(2, "none");
    output = folder;
    train().assertFails(2, "folder");
    output = base;
    train().assertFails(2, "overwrite");
    if (Files.isDirectory(Path.of("/proc"))) { // where nobody can make a file, not even root
      output = Path.of("/proc/adapter.gguf");
      CommandRun run = train();
      assertTrue(run.exitCode() == 1 || run.exitCode() == 2, run.err());
      run.assertFails(run.exitCode(), "/proc");
    }
  }

  /// A folder can't be made below a file, by nobody.
  @Test
  void aRunFolderThatCantBeMade() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    train("--run", file).assertFails(2, "file, not a folder");
    train("--run", file.resolve("run")).assertFails(1, file.resolve("run") + ": Not a directory");
    assertEquals("", Files.readString(file));
  }

  @Test
  void readOnlyFolders() throws IOException {
    Path locked = Files.createDirectory(folder.resolve("locked"));
    assumeTrue(locked.toFile().setWritable(false), "this file system has no such permission");
    try {
      assumeFalse(Files.isWritable(locked), "root may write everywhere");
      train("--run", locked).assertFails(1, "locked", "permission denied");
      train("--run", locked.resolve("run")).assertFails(1, "locked", "permission denied");
      output = locked.resolve("adapter.gguf");
      CommandRun run = train();
      run.assertFails(run.exitCode(), "locked");
    } finally {
      locked.toFile().setWritable(true);
    }
  }

  @Test
  void aBaseThatDisappearsMeanwhile() throws Exception {
    Path own = Files.copy(base, folder.resolve("own.gguf"));
    Path away = folder.resolve("away.gguf");
    Path run = folder.resolve("adapter-run");
    Path metrics = run.resolve("metrics.jsonl");
    Thread taker =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (metrics.toFile().length() == 0) {
                    Thread.onSpinWait();
                  }
                  own.toFile().renameTo(away.toFile());
                });
    CommandRun failed =
        CommandRun.of(
            "train",
            "--model",
            own,
            "--data",
            data,
            "--output",
            output,
            "--threads",
            1,
            "--device",
            "cpu",
            "--context",
            32,
            "--accumulate",
            1,
            "--steps",
            100_000);
    taker.join();
    failed.assertFails(1, own + " was removed or renamed while it was in use");
    assertTrue(failed.out().contains("lorikeet train --resume " + run), failed.out());
    assertFalse(Files.exists(output));
    Files.move(away, own);
    int done = Files.readAllLines(metrics).size();
    CommandRun.of("train", "--resume", run, "--steps", done + 1).assertSucceeds();
    assertEquals(done + 1, Files.readAllLines(metrics).size());
    assertTrue(Files.exists(output));
  }

  private CommandRun train(Object... more) {
    Object[] common = {
      "train",
      "--model",
      base,
      "--data",
      data,
      "--output",
      output,
      "--threads",
      1,
      "--device",
      "cpu"
    };
    Object[] given =
        List.of(more).contains("--device") ? Arrays.copyOf(common, common.length - 2) : common;
    return CommandRun.of(Stream.of(given, more).flatMap(Stream::of).toArray());
  }
}
