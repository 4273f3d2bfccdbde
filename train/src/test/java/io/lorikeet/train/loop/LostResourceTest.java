package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.FailingCpu;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The base, the device or the folder goes away in the middle of a run. The run ends with a clear
/// message, and its state is kept. Resumed when everything is back, it ends as an uninterrupted
/// run.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class LostResourceTest {
  private static final int STEPS = 6;
  private static final int LAST_STEP = 3;

  @TempDir private Path folder;
  private Path base;
  private Path data;
  private final Events events = new Events();

  /// Something that can go wrong with files.
  private interface Mishap {
    void happen() throws IOException;
  }

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
  }

  private TrainingOptions options(String name) {
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.DROPOUT, 0.1);
  }

  @Test
  void aBaseThatDisappearsEndsTheRunWithItsState() throws IOException {
    LoraAdapter whole = whole();
    Path away = folder.resolve("away.gguf");
    TrainingConfig config = options("cut").resolve();
    Trainer trainer = new Trainer(config, atLastStep(() -> Files.move(base, away)));
    String message = assertThrows(IOException.class, trainer::run).getMessage();
    assertEquals(
        base + " was removed or renamed while it was in use. Start again with it in place",
        message);
    assertStateKept();
    Files.move(away, base);
    assertSame(whole, resume(config));
  }

  @Test
  void aBaseThatShrinksEndsTheRunWithItsState() throws IOException {
    LoraAdapter whole = whole();
    byte[] bytes = Files.readAllBytes(base);
    TrainingConfig config = options("cut").resolve();
    Mishap shrinking = () -> Files.write(base, Arrays.copyOf(bytes, bytes.length / 2));
    Trainer trainer = new Trainer(config, atLastStep(shrinking));
    String message = assertThrows(IOException.class, trainer::run).getMessage();
    assertTrue(
        message.startsWith(
            "%s was changed while it was in use: it had %s bytes and now has %s"
                .formatted(base, bytes.length, bytes.length / 2)),
        message);
    assertStateKept();
    Files.write(base, bytes);
    assertSame(whole, resume(config));
  }

  /// A device that fails within a step, as one does that is lost or out of memory.
  @Test
  void aDeviceThatFailsInAStepLeavesTheStateBeforeIt() throws IOException {
    LoraAdapter whole = whole();
    GgmlException lost = new GgmlException("computing failed: device lost");
    TrainingConfig config = options("cut").resolve();
    Trainer trainer = new Trainer(config, events).stopOn(failingAt(LAST_STEP, lost));
    assertEquals(lost, assertThrows(GgmlException.class, trainer::run));
    assertStateKept();
    assertSame(whole, resume(config));
  }

  /// The update of the parameters can't be taken back, so nothing of it may be saved.
  @Test
  void aDeviceThatFailsInTheUpdateLeavesTheLastCheckpoint() throws IOException {
    LoraAdapter whole = whole();
    TrainingConfig config =
        options("cut").set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2)).resolve();
    String message = failsInUpdate(config, LAST_STEP);
    assertTrue(message.startsWith("cpu failed to compute the optimizer's step: "), message);
    assertEquals(LAST_STEP, events.steps().size());
    assertEquals(
        List.of(
            "step 4 was half taken, so there is no state to keep; go on from the last checkpoint with: lorikeet train --resume %s"
                .formatted(config.get(Settings.RUN))),
        events.warnings());
    assertSame(whole, resume(config));
    assertEquals(LAST_STEP, events.steps().getFirst().step(), "the checkpoint is of step 2");
  }

  @Test
  void oneThatFailsInTheUpdateBeforeAnyCheckpointBeginsAgain() throws IOException {
    LoraAdapter whole = whole();
    TrainingConfig config = options("cut").resolve();
    failsInUpdate(config, 1);
    assertTrue(
        events
            .warnings()
            .getLast()
            .contains("there is no checkpoint yet; begin again with: lorikeet train --resume "),
        events.warnings()::toString);
    assertSame(whole, resume(config));
    assertEquals(1, events.steps().getFirst().step());
  }

  /// @return the message
  private String failsInUpdate(TrainingConfig config, int stepsBefore) {
    List<FailingCpu> failing = new ArrayList<>();
    Trainer trainer =
        new Trainer(config, events)
            .on(
                (name, threads, products) -> {
                  Backend backend = Backend.open(name, threads, products);
                  failing.add(
                      new FailingCpu(
                          backend,
                          graph ->
                              graph.equals("the optimizer's step")
                                  && events.steps().size() == stepsBefore));
                  return backend;
                });
    String message = assertThrows(GgmlException.class, trainer::run).getMessage();
    failing.forEach(FailingCpu::close);
    return message;
  }

  @Test
  void javaOutOfMemoryLeavesTheStateToo() throws IOException {
    LoraAdapter whole = whole();
    OutOfMemoryError full = new OutOfMemoryError("Java heap space");
    TrainingConfig config = options("cut").resolve();
    Trainer trainer = new Trainer(config, events).stopOn(failingAt(LAST_STEP, full));
    assertEquals(full, assertThrows(OutOfMemoryError.class, trainer::run));
    assertStateKept();
    assertSame(whole, resume(config));
  }

  /// Not even root can make a folder where a file is.
  @Test
  void aFolderThatTakesNoCheckpointsIsToldAndLosesNothing() throws IOException {
    LoraAdapter whole = whole();
    TrainingConfig config =
        options("cut").set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2)).resolve();
    Path checkpoints = config.get(Settings.RUN).resolve("checkpoints");
    Path away = config.get(Settings.RUN).resolve("away");
    Mishap blocking =
        () -> {
          awaitFile(checkpoints.resolve("step-00000002.gguf"));
          Files.move(checkpoints, away);
          Files.writeString(checkpoints, "a file");
        };
    Trainer trainer = new Trainer(config, atLastStep(blocking));
    assertSame(whole, trainer.run().adapter());
    assertTrue(
        events.warnings().getFirst().startsWith("no checkpoint: "), events.warnings()::toString);
    assertTrue(
        events.warnings().getFirst().contains(checkpoints.toString()), events.warnings()::toString);
    Files.delete(checkpoints);
    Files.move(away, checkpoints);
    assertTrue(Files.exists(checkpoints.resolve("step-00000002.gguf")));
    assertSame(whole, resume(config));
  }

  /// Checkpoints are written beside the training.
  private static void awaitFile(Path file) {
    for (int i = 0; i < 1000 && !Files.exists(file); i++) {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private LoraAdapter whole() throws IOException {
    LoraAdapter adapter = new Trainer(options("whole").resolve(), events).run().adapter();
    events.clear();
    return adapter;
  }

  private TrainingListener atLastStep(Mishap mishap) {
    return event -> {
      events.on(event);
      if (event instanceof TrainingEvent.StepDone done && done.step() == LAST_STEP) {
        try {
          mishap.happen();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    };
  }

  /// Fails after the first batch of the step after some others; nobody asks it to stop.
  private StopRequest failingAt(int stepsBefore, Throwable failure) {
    return new StopRequest() {
      private int asked;

      @Override
      public boolean isMade() {
        boolean between = asked++ % 3 == 0; // and then once for each of the two batches
        if (!between && events.steps().size() == stepsBefore) {
          switch (failure) {
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
          }
        }
        return false;
      }
    };
  }

  private void assertStateKept() {
    assertEquals(LAST_STEP, events.steps().size());
    assertTrue(
        events.notes().getLast().startsWith("the state after step " + LAST_STEP + " is kept"),
        events.notes()::toString);
    assertEquals(List.of(), events.warnings());
  }

  private LoraAdapter resume(TrainingConfig config) throws IOException {
    events.clear();
    TrainingConfig resumed =
        ResumedRun.config(config.get(Settings.RUN), new TrainingOptions(), events);
    return new Trainer(resumed, events).resume().adapter();
  }

  private static void assertSame(LoraAdapter expected, LoraAdapter actual) {
    for (int i = 0; i < expected.pairs().size(); i++) {
      assertArrayEquals(expected.pairs().get(i).a(), actual.pairs().get(i).a(), 0);
      assertArrayEquals(expected.pairs().get(i).b(), actual.pairs().get(i).b(), 0);
    }
  }
}
