package io.lorikeet.train.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.ExampleFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingOptionsTest {
  @TempDir Path folder;
  private Path base;
  private Path data;

  @BeforeEach
  void writeFiles() throws IOException {
    base = Files.writeString(folder.resolve("base.gguf"), "x");
    data = Files.writeString(folder.resolve("data.jsonl"), "x");
  }

  @Test
  void defaultsAreThoseOfTheField() {
    TrainingConfig config = options().resolve(_ -> 4096);
    assertEquals(2048, config.get(Settings.CONTEXT));
    assertEquals(16, config.get(Settings.RANK).number());
    assertEquals(32, config.get(Settings.ALPHA));
    assertEquals(List.of("all-linear"), config.get(Settings.TARGET));
    assertEquals(new LearningRateSchedule.Linear(2e-4, 0.1), config.learningRateSchedule());
    assertEquals(1, config.get(Settings.EPOCHS));
    assertEquals(1, config.get(Settings.MAX_GRAD_NORM));
    assertEquals(Optional.empty(), config.find(Settings.ACCUMULATE));
    assertEquals(folder.resolve("adapter-run"), config.get(Settings.RUN));
    assertTrue(
        config.get(Settings.THREADS) >= 1
            && config.get(Settings.THREADS) <= Runtime.getRuntime().availableProcessors());
    assertEquals(512, options().resolve(_ -> 512).get(Settings.CONTEXT));
    assertEquals(
        16, options().set(Settings.RANK, RankChoice.of(8)).resolve(_ -> 512).get(Settings.ALPHA));
  }

  @Test
  void everySettingIsWrittenAndNamedOnce() throws IOException {
    Path old = Files.writeString(folder.resolve("old.jsonl"), "{\"text\": \"a\"}\n");
    TrainingOptions all =
        options()
            .validation(0.1)
            .set(Settings.METHOD, Method.DPO)
            .set(Settings.REFERENCE_ADAPTER, folder.resolve("base.gguf"))
            .set(Settings.REPLAY, List.of(new ReplaySource(DataSource.of(old), 0.2)))
            .set(Settings.ACCUMULATE, 2)
            .set(Settings.SAMPLE, List.of(new SampleSource.PromptText("say")))
            .set(Settings.EVALUATE_EVERY, 5)
            .set(Settings.EARLY_STOP, 3)
            .set(Settings.NAME, "first")
            .set(Settings.NOTE, "with old data")
            .set(Settings.MAX_TIME, Duration.ofMinutes(90))
            .set(Settings.INIT_ADAPTER, folder.resolve("base.gguf"))
            .set(Settings.KEEP_BASE, 0.5)
            .set(Settings.NEUTRAL, old)
            .set(Settings.GATE, old)
            .set(Settings.FORMAT, ExampleFormat.TEXT)
            .set(Settings.CHAT_TEMPLATE, "chatml")
            .set(Settings.COLUMNS, Map.of("text", "body"))
            .set(Settings.CACHE, folder)
            .set(Settings.DEVICE_MEMORY, 8_000_000_000L)
            .set(Settings.SAVED_INPUTS, SavedInputs.HOST)
            .set(Settings.OPTIMIZER_STATE, OptimizerState.MAPPED);
    Set<String> written = new TreeSet<>(all.resolve(_ -> 512).settings().keySet());
    all.set(Settings.REFERENCE_ADAPTER, null);
    for (Method method : List.of(Method.SIMPO, Method.KTO)) { // have settings of their own
      written.addAll(all.set(Settings.METHOD, method).resolve(_ -> 512).settings().keySet());
    }
    all.set(Settings.KEEP_BASE, null).set(Settings.NEUTRAL, null).set(Settings.INVOCATION, "judge");
    written.addAll(all.resolve(_ -> 512).settings().keySet()); // has no use for the base's texts
    all.set(Settings.INVOCATION, null).set(Settings.GATE, null).set(Settings.SAMPLE, null);
    all.set(Settings.METHOD, Method.CONTRASTIVE).set(Settings.QUERY_PREFIX, "query: ");
    written.addAll(all.resolve(_ -> 512).settings().keySet()); // has no use for answers
    written.add("steps"); // instead of epochs
    assertEquals(new TreeSet<>(Settings.keys()), written);
  }

  @Test
  void sizesOfMemory() {
    assertEquals(8_000_000_000L, MemorySize.bytes("8GB"));
    assertEquals(1_500_000L, MemorySize.bytes(" 1.5 mb "));
    assertEquals(123_456_789_012L, MemorySize.bytes("123456789012B"));
    for (String wrong : List.of("8", "GB", "-1GB", "1GiB", "8 G", "٨GB", "1e3GB", "99999999TB")) {
      assertThrows(IllegalArgumentException.class, () -> MemorySize.bytes(wrong), wrong);
    }
  }

  @Test
  void namesEverythingThatIsWrong() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    TrainingOptions options =
        new TrainingOptions()
            .data(folder.resolve("nothing.jsonl"), empty)
            .output(folder.resolve("none/adapter.gguf"))
            .validation(1.5)
            .set(Settings.RANK, RankChoice.of(0))
            .set(Settings.DROPOUT, 1.0)
            .set(Settings.STEPS, 3)
            .set(Settings.EPOCHS, 3)
            .set(Settings.TARGET, List.of("q", "gate_proj", "all-liner"));
    String message =
        assertThrows(
                InvalidInputException.class, () -> options.resolve(_ -> fail("asked for the base")))
            .getMessage();
    List<String> lines = message.lines().toList();
    assertTrue(lines.get(0).startsWith("--model is needed: "), message);
    assertEquals("data: there is no file " + folder.resolve("nothing.jsonl"), lines.get(1));
    assertEquals(
        "data: the folder " + empty + " holds no data to train on, such as train.jsonl",
        lines.get(2));
    assertTrue(lines.get(3).startsWith("validation: must be a file, or a share"), message);
    assertTrue(
        lines.get(4).startsWith("output: there is no folder " + folder.resolve("none")), message);
    assertEquals("rank: must be a whole number from 1 to 65536, or auto, is 0", lines.get(5));
    assertEquals("dropout: must be a number from 0 to 0.99, is 1.0", lines.get(6));
    assertEquals("steps: give steps or epochs, not both", lines.get(7));
    assertTrue(lines.get(8).endsWith("; did you mean 'gate'?"), message);
    assertTrue(lines.get(9).endsWith("; did you mean 'all-linear'?"), message);
    assertEquals(10, lines.size());
  }

  @Test
  void numbersGivenInJavaHaveBounds() {
    TrainingOptions options =
        options()
            .set(Settings.LEARNING_RATE, Double.NaN)
            .set(Settings.ALPHA, Double.POSITIVE_INFINITY)
            .set(Settings.EPOCHS, -1)
            .set(Settings.THREADS, 1000)
            .set(Settings.ADAM_BETA2, 1.0)
            .set(Settings.NAME, "a\nb")
            .set(Settings.NOTE, " ");
    String message =
        assertThrows(InvalidInputException.class, () -> options.resolve(_ -> 512)).getMessage();
    assertEquals(
        """
        name: must be one line of up to 100 characters, is a
        b
        note: must be one line of up to 1000 characters, is\s\s
        epochs: must be a whole number from 1 to 1000000, is -1
        learning-rate: must be a number from 1e-30 to 1e38, is NaN
        adam-beta2: must be a number from 0 to 0.9999, is 1.0
        alpha: must be a number from 0.000000001 to 1000000000, is Infinity
        threads: must be a whole number from 1 to 512, is 1000""",
        message);
  }

  @Test
  void batchesAndStepsAreCountable() {
    TrainingOptions wide = options().set(Settings.BATCH_SIZE, 65_536);
    String message =
        assertThrows(InvalidInputException.class, () -> wide.resolve(_ -> 1024)).getMessage();
    assertEquals("batch-size: must be at most 16384 at context 1024, is 65536", message);
    TrainingConfig config =
        options().set(Settings.EPOCHS, 1_000_000).set(Settings.ACCUMULATE, 1).resolve(_ -> 512);
    assertEquals(2_147_000_000, config.stepsFor(2147));
    message = assertThrows(InvalidInputException.class, () -> config.stepsFor(2148)).getMessage();
    assertEquals(
        "epochs: 1000000 of 2148 steps are more than 2147483647 steps; take fewer epochs", message);
  }

  @Test
  void aBaseSetsTheLimitOfTheContext() {
    TrainingOptions options = options().set(Settings.CONTEXT, 1024);
    String message =
        assertThrows(InvalidInputException.class, () -> options.resolve(_ -> 512)).getMessage();
    assertEquals("context: 1024 is more than the 512 tokens that the base was made for", message);
  }

  @Test
  void inputsAreNotOverwritten() {
    String message =
        assertThrows(InvalidInputException.class, () -> options().output(data).resolve(_ -> 512))
            .getMessage();
    assertEquals(
        "output would overwrite "
            + data
            + ", which is read (data). Give another name for what is written",
        message);
  }

  @Test
  void whatCanBeReadOnlyOnceIsGivenOnce() {
    TrainingOptions options =
        options()
            .set(Settings.DATA, List.of(DataSource.of("-"), DataSource.of(data)))
            .set(Settings.VALIDATION, new ValidationData.FromFile(DataSource.of("-")));
    String message =
        assertThrows(InvalidInputException.class, () -> options.resolve(_ -> 512)).getMessage();
    assertEquals("validation: standard input can be read only once, and is given twice", message);
  }

  @Test
  void columnsMayHaveCommasInTheirNames() {
    assertEquals(
        Map.of("prompt", "question, long", "completion", "a,b"),
        DataSettingText.columns(List.of("prompt=question, long,completion=a,b")));
    assertEquals(
        Map.of("prompt", "q", "completion", "x = y, z"),
        DataSettingText.columns(List.of("completion=x = y, z", "prompt=q")));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> DataSettingText.columns(List.of("prompt=q, completions=a")))
            .getMessage();
    assertTrue(message.startsWith("'completions' is the key of no layout"), message);
  }

  @Test
  void flagsWin() throws IOException {
    Path file =
        Files.writeString(folder.resolve("c.yaml"), "rank: 4\nepochs: 3\nseed: 9\ncontext: 4096\n");
    TrainingOptions both =
        options()
            .set(Settings.RANK, RankChoice.of(8))
            .set(Settings.STEPS, 5)
            .orElse(ConfigFile.read(file));
    String message =
        assertThrows(InvalidInputException.class, () -> both.resolve(_ -> 512)).getMessage();
    assertEquals(
        "context (c.yaml, line 4): 4096 is more than the 512 tokens that the base was made for",
        message);
    TrainingConfig config = both.set(Settings.CONTEXT, 256).resolve(_ -> 512);
    assertEquals(8, config.get(Settings.RANK).number());
    assertEquals(9, config.get(Settings.SEED));
    assertEquals(Optional.of(5), config.find(Settings.STEPS));
  }

  @Test
  void accumulatesUpTo16kTokensAndLeavesAHundredSteps() {
    TrainingConfig config = options().resolve(_ -> 1024);
    assertEquals(1, config.accumulateFor(100));
    assertEquals(100, config.stepsFor(100));
    assertEquals(2, config.accumulateFor(199));
    assertEquals(8, config.accumulateFor(1500));
    assertEquals(16, config.accumulateFor(1600));
    assertEquals(16, config.accumulateFor(1_000_000));
    assertEquals(62_500, config.stepsFor(1_000_000));
    TrainingConfig steps =
        options().set(Settings.STEPS, 7).set(Settings.BATCH_SIZE, 2).resolve(_ -> 1024);
    assertEquals(8, steps.accumulateFor(100));
    assertEquals(4, steps.accumulateFor(10));
    assertEquals(7, steps.stepsFor(10));
    assertEquals(3, config.withAccumulate(3).accumulateFor(1000));
    TrainingConfig epochs = options().set(Settings.EPOCHS, 3).resolve(_ -> 1024);
    assertEquals(2, epochs.accumulateFor(100));
    assertEquals(150, epochs.stepsFor(100));
  }

  private TrainingOptions options() {
    return new TrainingOptions().model(base).data(data).output(folder.resolve("adapter.gguf"));
  }
}
