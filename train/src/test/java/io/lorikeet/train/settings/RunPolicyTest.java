package io.lorikeet.train.settings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.TinyRun;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.optimizer.NonFiniteException;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.TrainingResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Tests of runs whose numbers go wrong, of runs that don't get better, and of the reading of
/// times.
@ExtendWith(LeakCheck.class)
class RunPolicyTest {
  private static final int STEPS = 8;
  private static final int BAD_STEP = 5;

  @TempDir private Path folder;
  private Path base;
  private Path data;
  private final Events events = new Events();

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
  }

  private TrainingOptions options() {
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
  }

  /// Makes the base's weights bad for one step, unnoticed: the mapping sees what the file holds.
  private TrainingListener spoiler() {
    return event -> {
      events.on(event);
      if (event instanceof TrainingEvent.StepDone done && done.step() == BAD_STEP - 1) {
        spoil(Float.POSITIVE_INFINITY);
      } else if (event instanceof TrainingEvent.StepSkipped) {
        spoil(0.01f);
      }
    };
  }

  private void spoil(float value) {
    try {
      FileTime modified = Files.getLastModifiedTime(base);
      TinyRun.poison(base, "blk.1.attn_q.weight", value);
      Files.setLastModifiedTime(base, modified);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void skipsAStep() throws IOException {
    TrainingConfig config = options().set(Settings.ON_NAN, RunPolicy.OnNan.SKIP).resolve();
    TrainingResult result = new Trainer(config, spoiler()).run();
    assertEquals(STEPS, result.steps());
    TrainingEvent.StepSkipped skipped = events.of(TrainingEvent.StepSkipped.class).getFirst();
    assertEquals(BAD_STEP, skipped.step());
    assertEquals(1, skipped.skippedSteps());
    assertEquals(OptionalInt.empty(), skipped.rolledBackTo());
    assertTrue(skipped.message().contains(data + ":"), skipped.message());
    List<String> lines = Files.readAllLines(config.get(Settings.RUN).resolve("metrics.jsonl"));
    List<Integer> steps =
        lines.stream().map(RunPolicyTest::json).map(line -> line.get("step").asInt()).toList();
    assertEquals(IntStream.rangeClosed(1, STEPS).boxed().toList(), steps);
    assertEquals("not finite", json(lines.get(BAD_STEP - 1)).get("skipped").asText());
  }

  private static JsonNode json(String line) {
    try {
      return new ObjectMapper().readTree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void rollsBack() throws IOException {
    TrainingConfig config = options().set(Settings.ON_NAN, RunPolicy.OnNan.ROLLBACK).resolve();
    TrainingResult result = new Trainer(config, spoiler()).run();
    assertEquals(STEPS, result.steps());
    TrainingEvent.StepSkipped skipped = events.of(TrainingEvent.StepSkipped.class).getFirst();
    assertEquals(OptionalInt.of(BAD_STEP - 1), skipped.rolledBackTo());
    assertEquals(STEPS - 1, events.steps().size());
  }

  @Test
  void stopsWithAStateThatGoesOn() throws IOException {
    TrainingConfig config = options().set(Settings.CHECKPOINT_EVERY, null).resolve();
    Trainer trainer = new Trainer(config, spoiler());
    String message = assertThrows(NonFiniteException.class, trainer::run).getMessage();
    assertTrue(message.startsWith("step 5: the loss is not a finite number, first in layer 1"));
    assertTrue(events.notes().getLast().startsWith("the state after step 4 is kept"));
    // The same step again, on a base that is as it was.
    writeFiles();
    TrainingConfig resumed =
        ResumedRun.config(config.get(Settings.RUN), new TrainingOptions(), new Events());
    TrainingResult result = new Trainer(resumed, events).resume();
    Files.delete(config.get(Settings.RUN).resolve("config.yaml"));
    TrainingResult whole =
        new Trainer(options().set(Settings.RUN, folder.resolve("whole")).resolve(), events).run();
    for (int i = 0; i < whole.adapter().pairs().size(); i++) {
      assertArrayEquals(whole.adapter().pairs().get(i).b(), result.adapter().pairs().get(i).b(), 0);
    }
  }

  @Test
  void givesUpWhenEveryStepIsBad() {
    TrainingOptions exploding =
        options()
            .set(Settings.STEPS, 40)
            .set(Settings.LEARNING_RATE, 1e30)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.WARMUP, 0.0)
            .set(Settings.ON_NAN, RunPolicy.OnNan.SKIP);
    Trainer trainer = new Trainer(exploding.resolve(), events);
    String message = assertThrows(NonFiniteException.class, trainer::run).getMessage();
    assertTrue(
        message.startsWith("10 steps in a row could not be taken. The last of them: step 11"));
  }

  /// Every other step is taken, but none of them lasts.
  @Test
  void givesUpWhenItGoesBackAgainAndAgain() {
    TrainingOptions exploding =
        options()
            .set(Settings.STEPS, 40)
            .set(Settings.CHECKPOINT_EVERY, null)
            .set(Settings.LEARNING_RATE, 1e30)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.WARMUP, 0.0)
            .set(Settings.ON_NAN, RunPolicy.OnNan.ROLLBACK);
    Trainer trainer = new Trainer(exploding.resolve(), events);
    String message = assertThrows(NonFiniteException.class, trainer::run).getMessage();
    assertTrue(
        message.startsWith(
            "the run went back to the state of step 0 10 times and got no further. The last time: step 22"),
        message);
  }

  @Test
  void endsEarlyWhenNothingGetsBetter() throws IOException {
    TrainingOptions idle =
        options()
            .set(Settings.LEARNING_RATE, 1e-30)
            .validation(0.2)
            .set(Settings.EVALUATE_EVERY, 1)
            .set(Settings.EARLY_STOP, 2);
    TrainingResult result = new Trainer(idle.resolve(), events).run();
    assertEquals(3, result.steps());
    assertEquals(1, result.best().orElseThrow().step());
    String message =
        assertThrows(
                InvalidInputException.class, () -> options().set(Settings.EARLY_STOP, 2).resolve())
            .getMessage();
    assertTrue(message.contains("early-stop: needs validation data"), message);
  }

  @Test
  void readsTimesAndSteps() {
    assertEquals(Duration.ofMinutes(55), RunPolicy.duration("55m"));
    assertEquals(Duration.ofMinutes(90), RunPolicy.duration("1h30m"));
    assertEquals("1h30m", RunPolicy.text(Duration.ofMinutes(90)));
    assertEquals(new RunPolicy.Interval.Steps(20), RunPolicy.interval("20"));
    assertEquals(new RunPolicy.Interval.Time(Duration.ofSeconds(30)), RunPolicy.interval("30s"));
    for (String bad : List.of("", "0", "-3", "5x", "m", "0s", "5m5m", "99999999999h", "1.5h")) {
      assertThrows(IllegalArgumentException.class, () -> RunPolicy.interval(bad), bad);
    }
  }
}
