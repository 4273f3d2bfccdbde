package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.MachineTask;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.parallel.StepGradients;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Runs on executors within this process, against the same run without them: equal to the last bit.
@ExtendWith(LeakCheck.class)
class SparkTrainingTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path data;
  private static int[] alone;

  private final List<String> notes = new ArrayList<>();

  @BeforeAll
  static void trainAlone() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    data = SmallRun.data(folder.resolve("train.jsonl"), 40);
    alone = bits(new Trainer(config("alone"), _ -> {}).run().adapter());
  }

  private static TrainingConfig config(String name) throws IOException {
    return SmallRun.options(base, data, folder.resolve(name + ".gguf")).resolve();
  }

  private static Machines machines(int cores) {
    return new SparkMachinesProvider().connect("local[" + cores + "]", Optional.empty());
  }

  private static int[] bits(LoraAdapter adapter) {
    return adapter.pairs().stream()
        .flatMap(pair -> pair.matrices().stream())
        .map(matrix -> matrix.values())
        .flatMapToInt(
            values ->
                IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])))
        .toArray();
  }

  private void noted(TrainingEvent event) {
    if (event instanceof TrainingEvent.Note(String text)) {
      notes.add(text);
    }
  }

  @Test
  void twoTasksAtATimeGiveTheAdapterOfTheSingleProgram() throws IOException {
    try (Machines machines = machines(2)) {
      Trainer trainer = new Trainer(config("two"), this::noted).across(machines);
      assertTrue(Arrays.equals(alone, bits(trainer.run().adapter())));
    }
    assertTrue(
        notes.stream().anyMatch(text -> text.startsWith("cluster: a step's gradients took")),
        notes::toString);
  }

  @Test
  void aRunOnOneExecutorGoesOnWithoutAny() throws IOException {
    TrainingConfig config = config("moved");
    StopRequest stop = new StopRequest();
    try (Machines machines = machines(1)) {
      Trainer stopped =
          new Trainer(
                  config,
                  event -> {
                    if (event instanceof TrainingEvent.StepDone done && done.step() == 2) {
                      stop.make();
                    }
                  })
              .stopOn(stop)
              .across(machines);
      assertThrows(StoppedException.class, stopped::run);
    }
    assertTrue(Arrays.equals(alone, bits(new Trainer(config, _ -> {}).resume().adapter())));
  }

  @Test
  void anotherBaseOnTheMachineIsNamed() throws IOException {
    try (Machines machines = machines(1)) {
      Trainer trainer = new Trainer(config("wrong"), _ -> {}).across(new OtherBase(machines));
      String message = assertThrows(InvalidInputException.class, trainer::run).getMessage();
      assertTrue(
          message.startsWith("cluster: a machine can't compute for this run\n127.0.0.1: "),
          message);
      assertTrue(message.contains("base.gguf isn't the run's base: its SHA-256 is "), message);
    }
    assertFalse(Files.exists(folder.resolve("wrong-run")), "nothing is left of it");
  }

  /// Machines whose file isn't the run's.
  private record OtherBase(Machines machines) implements Machines {
    @Override
    public StepGradients begin(GradientJob job, TrainingListener events) {
      return machines.begin(
          new GradientJob(
              job.base(),
              "0".repeat(64),
              job.architecture(),
              job.slots(),
              job.invocation(),
              job.elements(),
              job.computation(),
              job.rows(),
              job.context(),
              job.shorter(),
              job.precision(),
              job.dropout(),
              job.forMerged(),
              job.diverges()),
          events);
    }

    @Override
    public <R extends Serializable> void each(
        List<? extends MachineTask<R>> tasks,
        int threads,
        TrainingListener events,
        BiConsumer<Integer, R> done) {
      machines.each(tasks, threads, events, done);
    }

    @Override
    public List<Path> files() {
      return machines.files();
    }

    @Override
    public void close() {}
  }

  @Test
  void preferencesAreRefused() throws IOException {
    Path pairs = folder.resolve("pairs.jsonl");
    Files.writeString(
        pairs, "{\"prompt\": \"say a\", \"chosen\": \" a\", \"rejected\": \" b\"}\n".repeat(4));
    try (Machines machines = machines(1)) {
      Trainer trainer =
          new Trainer(
                  SmallRun.options(base, pairs, folder.resolve("pairs.gguf")).resolve(), _ -> {})
              .across(machines);
      assertEquals(
          "cluster: preferences and embeddings are learned on one machine only; train without --cluster",
          assertThrows(InvalidInputException.class, trainer::run).getMessage());
    }
  }
}
