package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whole runs on queries and passages.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ContrastiveTrainingTest {
  private static final int MEAN = 1;

  @TempDir private static Path files;
  private static Path base;
  private static Path meanBase;
  private static Path pairs;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    meanBase =
        RandomModel.of(TensorType.Q4_0)
            .put("llama.pooling_type", new GgufValue.Int(GgufType.UINT32, MEAN))
            .write(files.resolve("mean.gguf"));
    pairs = Files.writeString(files.resolve("pairs.jsonl"), pairs());
  }

  /// Two of eight words, and a passage of the words that they stand for.
  private static String pairs() {
    String words = "abcdefgh";
    String meant = "rstuvwxy";
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 64; i++) {
      int first = i % 8;
      int second = (i / 8 + 3 * first) % 8;
      lines.append(
          "{\"anchor\": \"%s %s\", \"positive\": \"%s %s.\"}\n"
              .formatted(
                  words.charAt(first),
                  words.charAt(second),
                  meant.charAt(first),
                  meant.charAt(second)));
    }
    return lines.toString();
  }

  private TrainingOptions options(Path model, String name) {
    return TinyRun.options(model, pairs, folder.resolve(name + ".gguf"))
        .set(Settings.METHOD, Method.CONTRASTIVE)
        .set(Settings.CONTEXT, 32)
        .set(Settings.BATCH_SIZE, 16)
        .set(Settings.ACCUMULATE, 1)
        .set(Settings.PRECISION, Precision.F32);
  }

  private TrainingResult run(TrainingOptions options) throws IOException {
    events.clear();
    return new Trainer(options.resolve(), events).run();
  }

  private List<Double> losses() {
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void passagesAreFound(boolean mean) throws IOException {
    TrainingOptions options =
        options(mean ? meanBase : base, "a").set(Settings.STEPS, 60).validation(0.25);
    TrainingResult result = run(options);
    Map<String, Double> before = events.of(TrainingEvent.Evaluated.class).getFirst().figures();
    Map<String, Double> after = events.of(TrainingEvent.Evaluated.class).getLast().figures();
    assertTrue(result.validationAfter().orElseThrow() < result.validationBefore().orElseThrow());
    assertTrue(after.get("recall_at_1") > before.get("recall_at_1") + 0.4, before + " " + after);
  }

  /// Each micro-batch has negatives of its own, so a batch cut in two isn't the same.
  @Test
  void theBatchDecidesWhatIsCompared() throws IOException {
    run(options(base, "whole").set(Settings.STEPS, 1));
    double whole = losses().getFirst();
    run(
        options(base, "halves")
            .set(Settings.BATCH_SIZE, 8)
            .set(Settings.ACCUMULATE, 2)
            .set(Settings.STEPS, 1));
    assertTrue(losses().getFirst() < whole - 0.1, losses() + " " + whole);
    run(options(base, "warmer").set(Settings.CONTRASTIVE_TEMPERATURE, 1.0).set(Settings.STEPS, 1));
    assertTrue(losses().getFirst() < whole - 0.1, losses() + " " + whole);
    assertEquals(Math.log(16), losses().getFirst(), 0.5);
  }

  /// Layers that take turns in memory, with several micro-batches at a time.
  @Test
  void streamedLayersComeToTheSame() throws IOException {
    Path deep =
        new RandomFamily("qwen3moe", TensorType.Q4_0)
            .put("block_count", 6)
            .put("expert_count", 8)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", 256)
            .write(folder.resolve("deep.gguf"));
    TrainingOptions options =
        options(deep, "a")
            .set(Settings.BATCH_SIZE, 2)
            .set(Settings.EXPERT_RANK, 2)
            .set(Settings.ACCUMULATE, 3);
    long limit;
    try (GgufFile file = GgufFile.open(deep);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, options.resolve(), planning);
      limit = planner.needed(planner.smallest(32));
      assertTrue(planner.fitting(32, limit).orElseThrow().placement().streamed());
    }
    run(options);
    List<Double> expected = losses();
    run(options.set(Settings.RUN, null).set(Settings.DEVICE_MEMORY, limit));
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), losses().get(i), 1e-4 * expected.get(i));
    }
  }

  /// The length that rows are padded to changes nothing.
  @Test
  void theLayoutChangesNothing() throws IOException {
    TrainingOptions options = options(base, "a").set(Settings.STEPS, 4);
    run(options);
    List<Double> losses = losses();
    options.set(Settings.CONTEXT, 64).set(Settings.RUN, null).set(Settings.PACKING, false);
    run(options);
    for (int i = 0; i < losses.size(); i++) {
      assertEquals(losses.get(i), losses().get(i), 1e-4 * losses.get(i));
    }
  }

  @Test
  void aKilledRunEndsAsIfItHadNotBeen() throws IOException {
    TrainingOptions options =
        options(base, "whole")
            .set(Settings.STEPS, 7)
            .set(Settings.DROPOUT, 0.2)
            .validation(0.2)
            .set(Settings.EVALUATE_EVERY, 3)
            .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
    TrainingResult whole = run(options);
    TrainingConfig config = options.set(Settings.RUN, folder.resolve("killed-run")).resolve();
    Trainer killed = new Trainer(config, Killed.after(5));
    assertThrows(Killed.class, killed::run);
    TrainingResult resumed =
        new Trainer(
                ResumedRun.config(config.get(Settings.RUN), new TrainingOptions(), events), events)
            .resume();
    assertEquals(whole.validationAfter(), resumed.validationAfter());
    for (int i = 0; i < whole.adapter().pairs().size(); i++) {
      assertArrayEquals(
          whole.adapter().pairs().get(i).a(), resumed.adapter().pairs().get(i).a(), 0);
      assertArrayEquals(
          whole.adapter().pairs().get(i).b(), resumed.adapter().pairs().get(i).b(), 0);
    }
    RunMetrics metrics = RunMetrics.read(config.get(Settings.RUN));
    assertEquals(
        events.of(TrainingEvent.Evaluated.class).getLast().figures(),
        metrics.validations().getLast().figures());
  }

  @Test
  void aPairAloneTeachesNothing() throws IOException {
    TrainingOptions alone = options(base, "a").set(Settings.BATCH_SIZE, 1);
    String message = assertThrows(InvalidInputException.class, () -> run(alone)).getMessage();
    assertTrue(message.startsWith("batch-size: "), message);
    Path own =
        Files.writeString(
            folder.resolve("own.jsonl"),
            "{\"query\": \"a\", \"pos\": \"b\", \"neg\": [\"c\", \"d\"]}\n".repeat(3));
    run(TinyRun.options(base, own, folder.resolve("b.gguf")).set(Settings.CONTEXT, 32));
    assertTrue(losses().getFirst() > 0.01, losses().toString());
  }

  @ParameterizedTest
  @CsvSource({
    "pooling_type, 2, is 2 (cls); embeddings of a causal model are pooled by mean or last",
    "pooling_type, 4, is 4 (rank); embeddings",
    "pooling_type, 9, is 9; embeddings",
    "attention.causal, 0, its tokens see those after them",
  })
  void otherBasesAreRefused(String key, int value, String words) throws IOException {
    GgufValue put =
        key.equals("pooling_type")
            ? new GgufValue.Int(GgufType.UINT32, value)
            : new GgufValue.Bool(value == 1);
    Path other =
        RandomModel.of(TensorType.Q4_0).put("llama." + key, put).write(folder.resolve("m.gguf"));
    String message =
        assertThrows(InvalidInputException.class, () -> run(options(other, "a"))).getMessage();
    assertTrue(message.contains(words), message);
    assertTrue(message.contains("m.gguf"), message);
  }

  @Test
  void poolingIsToldAndPlanned() throws IOException {
    TrainingOptions options = options(base, "a").set(Settings.STEPS, 1);
    run(options);
    assertTrue(
        events.notes().stream()
            .anyMatch(note -> note.contains("llama-server needs --pooling last")),
        events.notes()::toString);
    try (GgufFile opened = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlan plan =
          new MemoryPlanner(opened, options.resolve(), planning)
              .fitting(32, Long.MAX_VALUE)
              .orElseThrow();
      long width = ModelConfig.of(opened).embedding();
      assertEquals(
          List.of(4L * 16 * 32 * width * Float.BYTES),
          plan.items().stream()
              .filter(item -> item.what().startsWith("states to compare"))
              .map(MemoryPlan.PlanItem::host)
              .toList());
    }
    run(options(meanBase, "b").set(Settings.STEPS, 1));
    assertTrue(
        events.notes().stream().anyMatch(note -> note.contains("the mean of a text's states, as")),
        events.notes()::toString);
  }
}
