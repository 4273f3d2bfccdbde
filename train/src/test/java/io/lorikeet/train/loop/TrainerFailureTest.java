package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.optimizer.NonFiniteException;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// How runs end that can't go on: what is said, and that nothing is left open or lying around.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class TrainerFailureTest {
  @TempDir private Path folder;
  private Path base;
  private Path data;
  private final Events events = new Events();

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    data = TinyRun.data(folder.resolve("data.jsonl"), 12, 1);
  }

  @AfterEach
  void noRunIsLeftUnlocked() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      assertFalse(files.anyMatch(file -> file.endsWith("run.lock")));
    }
  }

  @Test
  void aBaseWithInvalidNumbersIsRefused() throws IOException {
    TinyRun.poison(base, "blk.1.attn_q.weight", Float.POSITIVE_INFINITY);
    String message = fails(InvalidInputException.class, options());
    assertTrue(
        message.contains("blk.1.attn_q.weight (F32) holds no finite number at element 0"), message);
    assertNoRunFolder();
  }

  @Test
  void aBaseWhoseNumbersOverflowEndsInTheFirstStep() throws IOException {
    TinyRun.poison(base, "blk.1.attn_q.weight", Float.MAX_VALUE);
    String message = fails(NonFiniteException.class, options());
    assertTrue(message.startsWith("step 1: the loss is not a finite number, first in layer 1;"));
    assertTrue(message.contains(data + ":1"), message);
    assertTrue(message.contains("the base itself"), message);
    assertNoRunFolder();
  }

  @Test
  void invalidNumbersAreFoundInValidationToo() throws IOException {
    TinyRun.poison(base, "output_norm.weight", Float.MAX_VALUE);
    String message = fails(NonFiniteException.class, options().validation(0.2));
    assertTrue(
        message.startsWith(
            "validation after step 0: the loss is not a finite number, first in the head."),
        message);
    assertNoRunFolder();
  }

  @Test
  void anExplodingLearningRateEndsTheRun() {
    TrainingOptions exploding =
        options()
            .set(Settings.LEARNING_RATE, 1e30)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.WARMUP, 0.0);
    String message = fails(NonFiniteException.class, exploding);
    assertTrue(message.startsWith("step 2: the loss is not a finite number"), message);
    assertTrue(message.contains("the step was not taken"), message);
    assertTrue(message.contains("A lower --learning-rate"), message);
    assertEquals(1, events.steps().size());
    assertTrue(Files.exists(folder.resolve("adapter-run/metrics.jsonl")));
  }

  @Test
  void parametersOfTheLastStepAreLookedAtToo() {
    TrainingOptions exploding =
        options()
            .set(Settings.LEARNING_RATE, 1e38)
            .set(Settings.WEIGHT_DECAY, 100.0)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.WARMUP, 0.0)
            .set(Settings.STEPS, 1);
    String message = fails(NonFiniteException.class, exploding);
    assertTrue(message.startsWith("step 1: the parameters are not finite numbers"), message);
    assertTrue(message.contains("blk.0."), message);
  }

  @Test
  void anEarlierRunIsRefusedBeforeAnythingIsRead() throws IOException {
    Path run = Files.createDirectory(folder.resolve("run"));
    Files.writeString(run.resolve("metrics.jsonl"), "{}\n");
    String message = fails(InvalidInputException.class, options().set(Settings.RUN, run));
    assertTrue(message.contains(run + " holds an earlier run"), message);
    assertEquals(List.of(), events.of(TrainingEvent.class));
  }

  @Test
  void anUnknownDeviceIsRefusedBeforeAnythingIsRead() throws IOException {
    String message = fails(InvalidInputException.class, options().set(Settings.DEVICE, "tpu3"));
    assertTrue(message.startsWith("device: there is no device 'tpu3'; there is "), message);
    assertEquals(List.of(), events.of(TrainingEvent.class));
    assertNoRunFolder();
  }

  /// Before the data is read, of which nothing is said.
  @Test
  void aBudgetThatIsTooSmallIsRefused() throws IOException {
    TrainingOptions options = options().set(Settings.RANK, RankChoice.parse("auto:100"));
    String message = fails(InvalidInputException.class, options);
    assertTrue(message.startsWith("rank: 100 parameters are too few"), message);
    assertEquals(List.of(), events.of(TrainingEvent.class));
    assertNoRunFolder();
  }

  @Test
  void aRankThatNothingCanUseIsRefused() throws IOException {
    String message =
        fails(InvalidInputException.class, options().set(Settings.RANK, RankChoice.of(65)));
    assertEquals(
        "rank: 65 is more than any adapted matrix of this base can use; give at most 64", message);
    assertNoRunFolder();
    TrainingConfig config = options().set(Settings.RANK, RankChoice.of(65_536)).resolve();
    assertThrows(InvalidInputException.class, () -> new Trainer(config, events).run());
  }

  @Test
  void settingsThatDoNotFitTheBaseAreRefused() throws IOException {
    assertEquals(
        "context: 257 is more than the 256 tokens that the base was made for",
        refused(options().set(Settings.CONTEXT, 257)));
    assertEquals(
        "rank: must be a whole number from 1 to 65536, or auto, is 0",
        refused(options().set(Settings.RANK, RankChoice.of(0))));
    Path tied = RandomModel.of(TensorType.F32).tied().write(folder.resolve("tied.gguf"));
    TrainingOptions head = options().model(tied).set(Settings.TARGET, List.of("output"));
    String message = fails(InvalidInputException.class, head);
    assertTrue(message.contains("uses its token embedding as its head"), message);
    assertNoRunFolder();
  }

  @Test
  void basesThatCannotBeTrainedAreRefused() throws IOException {
    Path page = Files.writeString(folder.resolve("page.gguf"), "<!DOCTYPE html><html></html>");
    assertTrue(refused(options().model(page)).contains("page.gguf"));
    Path other = folder.resolve("other.gguf");
    RandomModel.of(TensorType.F32)
        .put("general.architecture", new GgufValue.TextValue("mamba"))
        .write(other);
    String message = refused(options().model(other));
    assertTrue(message.contains("'mamba'") && message.contains("llama"), message);
    Path cut = folder.resolve("cut.gguf");
    byte[] whole = Files.readAllBytes(base);
    Files.write(cut, Arrays.copyOf(whole, whole.length / 2));
    assertTrue(refused(options().model(cut)).contains("cut.gguf"));
    assertNoRunFolder();
  }

  @Test
  void badDataLeavesNoRunFolder() throws IOException {
    Files.writeString(data, "{\"prompt\": \"a\", \"completion\": \"b\"}\nnot json\n");
    String message = fails(InvalidInputException.class, options());
    assertTrue(message.contains("data.jsonl") && message.contains("2"), message);
    assertNoRunFolder();
    Files.writeString(data, "");
    assertTrue(fails(InvalidInputException.class, options()).contains("data.jsonl"));
    Files.writeString(
        data, "{\"prompt\": \"%s\", \"completion\": \"b\"}\n".formatted("a ".repeat(99)));
    message = fails(InvalidInputException.class, options());
    assertTrue(message.contains("fits into the context of 48 tokens"), message);
    assertNoRunFolder();
  }

  @Test
  void aBaseThatChangesEndsTheRun() {
    TrainingListener touching =
        event -> {
          events.on(event);
          if (event instanceof TrainingEvent.StepDone) {
            touch();
          }
        };
    Trainer trainer = new Trainer(options().resolve(), touching);
    String message = assertThrows(IOException.class, trainer::run).getMessage();
    assertTrue(message.contains(base + " was changed while it was in use"), message);
    assertEquals(1, events.steps().size());
  }

  private void touch() {
    try {
      Files.setLastModifiedTime(base, FileTime.fromMillis(1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aListenerThatFailsEndsTheRun() {
    IllegalStateException failure = new IllegalStateException("of a test");
    for (Class<?> kind :
        List.of(
            TrainingEvent.Note.class,
            TrainingEvent.Started.class,
            TrainingEvent.StepDone.class,
            TrainingEvent.Evaluated.class)) {
      Trainer trainer =
          new Trainer(
              options().validation(0.2).resolve(),
              event -> {
                if (kind.isInstance(event)) {
                  throw failure;
                }
              });
      assertEquals(failure, assertThrows(IllegalStateException.class, trainer::run));
    }
  }

  private TrainingOptions options() {
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"));
  }

  private static String refused(TrainingOptions options) {
    return assertThrows(InvalidInputException.class, options::resolve).getMessage();
  }

  private String fails(Class<? extends Exception> kind, TrainingOptions options) {
    events.clear();
    Trainer trainer = new Trainer(options.resolve(), events);
    return assertThrows(kind, trainer::run).getMessage();
  }

  private void assertNoRunFolder() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertFalse(files.anyMatch(Files::isDirectory), "a run folder is left");
    }
  }
}
