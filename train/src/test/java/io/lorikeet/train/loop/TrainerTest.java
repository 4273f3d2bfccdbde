package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.OptimizerState;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Whole runs on a tiny quantized base.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class TrainerTest {
  private static final int LINES = 24;

  @TempDir private static Path folder;
  private static Path base;
  private static Path data;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    data = TinyRun.data(folder.resolve("data.jsonl"), LINES, 1);
  }

  /// Every adapter passes.
  private record Lenient(String hash) implements Judge {
    @Override
    public boolean passes(Candidate candidate) {
      return true;
    }
  }

  /// No loss was measured by which one could be the best: the last is all there is.
  @Test
  void theLastAdapterIsJudgedWhereNothingIsValidated() throws IOException {
    TrainingConfig config = options().set(Settings.EVALUATE_EVERY, 1).resolve();
    TrainingResult result = new Trainer(config, events).judgedBy(new Lenient("")).run();
    assertTrue(result.passed());
    assertEquals(Optional.empty(), result.best());
  }

  @Test
  void learns() throws IOException {
    TrainingResult result =
        run(
            options()
                .set(Settings.STEPS, 60)
                .validation(data)
                .set(Settings.RANK, RankChoice.of(8)));
    double before = result.validationBefore().orElseThrow();
    double after = result.validationAfter().orElseThrow();
    assertTrue(after < 0.4 * before, before + " -> " + after);
    assertTrue(Math.abs(events.steps().getFirst().loss() - before) < 0.15 * before);
    assertEquals(60, result.steps());
    assertEquals(events.steps().getLast().loss(), result.finalLoss());
  }

  @Test
  void theSameSeedGivesTheSameAdapter() throws IOException {
    LoraAdapter first = run(options().set(Settings.SEED, 5L)).adapter();
    assertSame(first, run(options().set(Settings.SEED, 5L)).adapter());
    assertFalse(same(first, run(options().set(Settings.SEED, 6L)).adapter()));
  }

  @Test
  void dropoutIsDecidedByTheSeedToo() throws IOException {
    TrainingOptions dropping = options().set(Settings.DROPOUT, 0.3);
    LoraAdapter first = run(dropping).adapter();
    assertSame(first, run(dropping).adapter());
    assertFalse(same(first, run(options()).adapter()));
  }

  @Test
  void validationDoesNotDisturbTraining() throws IOException {
    TrainingOptions dropping = options().set(Settings.DROPOUT, 0.3);
    LoraAdapter first = run(dropping).adapter();
    Path other = TinyRun.data(folder.resolve("validation.jsonl"), 5, 2);
    TrainingOptions measured =
        options().set(Settings.DROPOUT, 0.3).validation(other).set(Settings.EVALUATE_EVERY, 1);
    assertSame(first, run(measured).adapter());
  }

  /// Moments in a mapped file, saved inputs on the host, the smallest pieces.
  @Test
  void theLayoutInMemoryChangesNothing() throws IOException {
    TrainingOptions plain = options().set(Settings.ACCUMULATE, 3).set(Settings.DROPOUT, 0.1);
    List<Double> expected = losses(plain);
    TrainingOptions elsewhere =
        options()
            .set(Settings.ACCUMULATE, 3)
            .set(Settings.DROPOUT, 0.1)
            .set(Settings.SAVED_INPUTS, SavedInputs.HOST)
            .set(Settings.OPTIMIZER_STATE, OptimizerState.MAPPED);
    assertClose(expected, losses(elsewhere));
    long least;
    try (GgufFile file = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, elsewhere.resolve(), planning);
      least = planner.needed(planner.smallest(48));
    }
    assertClose(expected, losses(elsewhere.set(Settings.DEVICE_MEMORY, least)));
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () -> run(elsewhere.set(Settings.DEVICE_MEMORY, least - 1000)));
    assertTrue(refused.getMessage().contains("memory: this run needs at least"));
  }

  private List<Double> losses(TrainingOptions options) throws IOException {
    events.clear();
    run(options);
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }

  private static void assertClose(List<Double> expected, List<Double> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), actual.get(i), 1e-4 * expected.get(i), "step " + (i + 1));
    }
  }

  @Test
  void keepsTheMetricsOfEveryStepAndValidation() throws IOException {
    TrainingResult result =
        run(options().set(Settings.STEPS, 5).set(Settings.EVALUATE_EVERY, 2).validation(0.25));
    List<JsonNode> lines = new ArrayList<>();
    for (String line :
        Files.readAllLines(result.config().get(Settings.RUN).resolve("metrics.jsonl"))) {
      lines.add(new ObjectMapper().readTree(line));
    }
    List<String> order =
        lines.stream()
            .map(line -> (line.has("evaluation") ? "evaluation " : "step ") + line.get("step"))
            .toList();
    assertEquals(
        List.of(
            "evaluation 0",
            "step 1",
            "step 2",
            "evaluation 2",
            "step 3",
            "step 4",
            "evaluation 4",
            "step 5",
            "evaluation 5"),
        order);
    for (TrainingEvent.StepDone step : events.steps()) {
      JsonNode line = lines.get(order.indexOf("step " + step.step()));
      assertEquals(step.loss(), line.get("loss").asDouble());
      assertEquals(step.learningRate(), line.get("learning_rate").asDouble());
      assertEquals(step.gradientNorm(), line.get("grad_norm").asDouble());
      assertEquals(step.targetTokens(), line.get("target_tokens").asLong());
      assertEquals(step.tokens(), line.get("tokens").asLong());
      assertTrue(line.get("seconds").asDouble() > 0);
      assertTrue(step.targetTokens() > 0 && step.targetTokens() < step.tokens());
    }
    assertEquals(result.validationBefore().orElseThrow(), lines.get(0).get("loss").asDouble());
    assertEquals(result.validationAfter().orElseThrow(), lines.get(8).get("loss").asDouble());
    TrainingConfig written =
        ConfigFile.read(result.config().get(Settings.RUN).resolve("config.yaml")).resolve(_ -> 256);
    assertEquals(result.config().settings(), written.settings());
  }

  @Test
  void anEpochGoesThroughAllData() throws IOException {
    TrainingOptions epochs =
        options()
            .set(Settings.STEPS, null)
            .set(Settings.EPOCHS, 2)
            .set(Settings.PACKING, false)
            .set(Settings.BATCH_SIZE, 3)
            .set(Settings.ACCUMULATE, 4);
    TrainingResult result = run(epochs);
    assertEquals(4, result.steps());
    assertEquals(
        List.of(0.5, 1.0, 1.5, 2.0),
        events.steps().stream().map(TrainingEvent.StepDone::epoch).toList());
    List<Long> tokens = events.steps().stream().map(TrainingEvent.StepDone::tokens).toList();
    assertEquals(tokens.get(0) + tokens.get(1), tokens.get(2) + tokens.get(3));
    assertEquals(tokens.stream().mapToLong(Long::longValue).sum(), result.tokens());
  }

  @Test
  void stepsGoOnIntoFurtherEpochs() throws IOException {
    TrainingResult result =
        run(
            options()
                .set(Settings.STEPS, 7)
                .set(Settings.BATCH_SIZE, 2)
                .set(Settings.ACCUMULATE, 3));
    assertEquals(7, result.steps());
    assertTrue(events.steps().getLast().epoch() > 1);
  }

  @Test
  void saysWhatItWillDo() throws IOException {
    TrainingResult result =
        run(
            options()
                .set(Settings.ACCUMULATE, null)
                .set(Settings.RANK, RankChoice.of(40))
                .validation(0.1));
    assertEquals(4, result.config().get(Settings.ACCUMULATE));
    TrainingEvent.Started started = events.of(TrainingEvent.Started.class).getFirst();
    assertEquals(3, started.steps());
    assertEquals(result.adapter().parameters(), started.trainableParameters());
    String summary =
        "steps of up to 192 tokens (context 48, batch size 1, accumulate 4); learning rate 0.005,"
            + " linear; rank 40, alpha 80 on all-linear; cpu, threads 1; settings and metrics in "
            + result.config().get(Settings.RUN);
    assertTrue(events.notes().contains(summary), () -> events.notes().toString());
    String memory = events.notes().getLast();
    assertTrue(
        memory.matches("memory: planned .* GB for this process(; its peak was .* GB)?"), memory);
    assertTrue(
        events
            .warnings()
            .contains(
                "rank 40 is more than blk.0.attn_k.weight can use, whose smaller side is 32; consider"
                    + " a lower --rank"),
        () -> events.warnings().toString());
    assertTrue(
        events
            .of(TrainingEvent.Progress.class)
            .contains(new TrainingEvent.Progress("validation", 1, 1)));
  }

  private TrainingOptions options() {
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"));
  }

  private TrainingResult run(TrainingOptions options) throws IOException {
    events.clear();
    return new Trainer(options.resolve(), events).run();
  }

  private static void assertSame(LoraAdapter a, LoraAdapter b) {
    for (int i = 0; i < a.pairs().size(); i++) {
      assertArrayEquals(a.pairs().get(i).a(), b.pairs().get(i).a(), 0);
      assertArrayEquals(a.pairs().get(i).b(), b.pairs().get(i).b(), 0);
    }
  }

  private static boolean same(LoraAdapter a, LoraAdapter b) {
    return Arrays.equals(a.pairs().getLast().b(), b.pairs().getLast().b());
  }
}
