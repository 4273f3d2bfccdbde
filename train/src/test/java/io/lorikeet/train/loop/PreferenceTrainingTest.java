package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whole runs on preferences.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class PreferenceTrainingTest {
  private static final int PAIRS = 24;

  @TempDir private static Path files;
  private static Path base;
  private static Path pairs;
  private static Path labelled;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    SplittableRandom random = new SplittableRandom(4);
    StringBuilder ofPairs = new StringBuilder();
    StringBuilder ofLabels = new StringBuilder();
    for (int i = 0; i < PAIRS; i++) {
      String word = "abcdefgh".charAt(random.nextInt(8)) + "" + i;
      String good = " %s said %s".formatted(word, "so ".repeat(i % 3));
      String bad = " %s no".formatted(word);
      ofPairs.append(
          "{\"prompt\": \"say %s\", \"chosen\": \"%s\", \"rejected\": \"%s\"}\n"
              .formatted(word, good, bad));
      ofLabels.append(
          "{\"prompt\": \"say %s\", \"completion\": \"%s\", \"label\": %s}\n"
              .formatted(word, i % 3 == 0 ? bad : good, i % 3 != 0));
    }
    pairs = Files.writeString(files.resolve("pairs.jsonl"), ofPairs);
    labelled = Files.writeString(files.resolve("labelled.jsonl"), ofLabels);
  }

  private static Path data(Method method) {
    return method.takesPairs() ? pairs : labelled;
  }

  private TrainingOptions options(Method method, String name) {
    return TinyRun.options(base, data(method), folder.resolve(name + ".gguf"))
        .set(Settings.METHOD, method)
        .set(Settings.CONTEXT, 64)
        .set(Settings.PRECISION, Precision.F32);
  }

  private TrainingResult run(TrainingOptions options) throws IOException {
    events.clear();
    return new Trainer(options.resolve(), events).run();
  }

  private List<Double> losses() {
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }

  /// Before any step, adapter and reference are the same.
  @ParameterizedTest
  @CsvSource({"F32, 1e-6", "AUTO, 1e-3"})
  void theFirstLossIsTheLogarithmOfTwo(Precision precision, double bound) throws IOException {
    run(options(Method.DPO, "a").set(Settings.PRECISION, precision).set(Settings.STEPS, 1));
    assertEquals(Math.log(2), losses().getFirst(), bound);
    run(options(Method.KTO, "b").set(Settings.PRECISION, precision).set(Settings.STEPS, 1));
    assertEquals(0.5, losses().getFirst(), bound);
    run(options(Method.IPO, "c").set(Settings.PRECISION, precision).set(Settings.STEPS, 1));
    assertEquals(25, losses().getFirst(), 50 * bound);
  }

  /// Answers that are drawn several times have their reference each time.
  @ParameterizedTest
  @EnumSource(
      value = Method.class,
      names = {"DPO", "KTO"})
  void replayedAnswersHaveTheirReference(Method method) throws IOException {
    List<ReplaySource> old = List.of(new ReplaySource(DataSource.of(data(method)), 0.7));
    run(
        options(method, "a")
            .set(Settings.PRECISION, Precision.F32)
            .set(Settings.REPLAY, old)
            .set(Settings.BATCH_SIZE, 100)
            .set(Settings.STEPS, 1));
    assertEquals(method == Method.DPO ? Math.log(2) : 0.5, losses().getFirst(), 1e-6);
  }

  @Test
  void pairsAreRecognizedAndTheMethodIsNamed() throws IOException {
    TrainingResult result = run(options(Method.DPO, "a").set(Settings.METHOD, null));
    assertTrue(events.notes().stream().anyMatch(note -> note.contains("learned by DPO")));
    assertEquals(Method.DPO, result.config().get(Settings.METHOD));
    assertEquals("dpo", result.config().settingsOfAdapter().get("method"));
    List<Double> recognized = losses();
    run(options(Method.DPO, "b"));
    assertEquals(recognized, losses());
  }

  @ParameterizedTest
  @EnumSource(value = Method.class, names = "CONTRASTIVE", mode = EnumSource.Mode.EXCLUDE)
  void everyMethodLearns(Method method) throws IOException {
    TrainingOptions options =
        options(method, "a")
            .set(Settings.STEPS, 12)
            .validation(0.2)
            .set(Settings.EVALUATE_EVERY, 6);
    TrainingResult result = run(options);
    double before = result.validationBefore().orElseThrow();
    double after = result.validationAfter().orElseThrow();
    assertTrue(after < 0.97 * before, before + " to " + after);
    JsonNode first = line(result, 0);
    JsonNode last = line(result, -1);
    assertTrue(first.get("evaluation").booleanValue() && last.get("evaluation").booleanValue());
    assertEquals(after, last.get("loss").doubleValue());
    double margin = last.get("reward_margin").doubleValue();
    assertTrue(margin > first.get("reward_margin").doubleValue(), last.toString());
    assertEquals(
        margin,
        last.get("reward_chosen").doubleValue() - last.get("reward_rejected").doubleValue(),
        1e-9);
    assertEquals(1, last.get("reward_accuracy").doubleValue(), last.toString());
    assertTrue(last.get("logp_chosen").doubleValue() < 0);
    assertEquals(method.hasReference(), last.has("reference_distance"));
    if (method.hasReference()) {
      assertEquals(0, first.get("reference_distance").doubleValue(), 1e-6);
      assertTrue(last.get("reference_distance").doubleValue() > 1e-3);
    }
  }

  private static JsonNode line(TrainingResult result, int number) throws IOException {
    List<String> lines =
        Files.readAllLines(result.config().get(Settings.RUN).resolve("metrics.jsonl"));
    return new ObjectMapper().readTree(number < 0 ? lines.getLast() : lines.get(number));
  }

  /// A step over all pairs is the same, however they are laid out: with shared prompts in a row, or
  /// each by itself; in one batch or several.
  @ParameterizedTest
  @EnumSource(value = Method.class, names = "CONTRASTIVE", mode = EnumSource.Mode.EXCLUDE)
  void theLayoutChangesNothing(Method method) throws IOException {
    TrainingOptions all = options(method, "a").set(Settings.STEPS, 4).set(Settings.CONTEXT, 96);
    LoraAdapter packed = run(all.set(Settings.ACCUMULATE, 1000)).adapter();
    List<Double> expected = losses();
    LoraAdapter apart = run(all.set(Settings.RUN, null).set(Settings.PACKING, false)).adapter();
    assertClose(expected, losses(), 2e-5);
    assertClose(packed, apart);
    LoraAdapter batched =
        run(all.set(Settings.RUN, null).set(Settings.BATCH_SIZE, 5).set(Settings.ACCUMULATE, 200))
            .adapter();
    assertClose(expected, losses(), 2e-5);
    assertClose(packed, batched);
    run(all.set(Settings.RUN, null).set(Settings.SEED, 7L).set(Settings.BETA, 0.3));
    assertThrows(AssertionError.class, () -> assertClose(expected, losses(), 1e-3));
  }

  private static void assertClose(List<Double> expected, List<Double> actual, double bound) {
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(1, actual.get(i) / expected.get(i), bound, "step " + (i + 1));
    }
  }

  /// AdamW turns differences of gradients near zero into whole steps of single numbers.
  private static void assertClose(LoraAdapter expected, LoraAdapter actual) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.pairs().size(); i++) {
      float[] b = expected.pairs().get(i).b();
      float[] other = actual.pairs().get(i).b();
      for (int j = 0; j < b.length; j++) {
        difference += Math.pow((double) b[j] - other[j], 2);
        size += (double) b[j] * b[j];
      }
    }
    assertTrue(Math.sqrt(difference / size) < 0.02, "differ by " + Math.sqrt(difference / size));
  }

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
        options(Method.DPO, "a")
            .model(deep)
            .set(Settings.EXPERT_RANK, 2)
            .set(Settings.ACCUMULATE, 3);
    long limit;
    try (GgufFile file = GgufFile.open(deep);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, options.resolve(), planning);
      limit = planner.needed(planner.smallest(64));
      assertTrue(planner.fitting(64, limit).orElseThrow().placement().streamed());
    }
    run(options);
    List<Double> expected = losses();
    run(options.set(Settings.RUN, null).set(Settings.DEVICE_MEMORY, limit));
    assertClose(expected, losses(), 1e-4);
  }

  @ParameterizedTest
  @EnumSource(
      value = Method.class,
      names = {"DPO", "ORPO", "KTO"})
  void aKilledRunEndsAsIfItHadNotBeen(Method method) throws IOException {
    TrainingOptions options =
        options(method, "whole")
            .set(Settings.STEPS, 7)
            .set(Settings.DROPOUT, 0.2)
            .validation(0.2)
            .set(Settings.EVALUATE_EVERY, 3)
            .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
    TrainingResult whole = run(options);
    TrainingConfig config = options.set(Settings.RUN, folder.resolve("killed-run")).resolve();
    Trainer killed = new Trainer(config, Killed.after(5));
    assertThrows(Killed.class, killed::run);
    Path run = config.get(Settings.RUN);
    for (boolean kept : new boolean[] {true, false}) {
      if (!kept) { // the reference is computed again
        Files.deleteIfExists(run.resolve("reference.bin"));
      }
      TrainingResult resumed =
          new Trainer(ResumedRun.config(run, new TrainingOptions(), events), events).resume();
      assertEquals(whole.finalLoss(), resumed.finalLoss());
      assertEquals(whole.validationAfter(), resumed.validationAfter());
      for (int i = 0; i < whole.adapter().pairs().size(); i++) {
        assertArrayEquals(
            whole.adapter().pairs().get(i).b(), resumed.adapter().pairs().get(i).b(), 0);
      }
    }
  }

  /// Unless another is named.
  @Test
  void theReferenceIsWhatTheRunBeginsWith() throws IOException {
    TrainingOptions options = options(Method.DPO, "first").set(Settings.STEPS, 6);
    Path adapter = write(run(options).adapter(), "first.gguf");
    TrainingOptions second =
        options(Method.DPO, "second")
            .set(Settings.RANK, null)
            .set(Settings.STEPS, 1)
            .set(Settings.INIT_ADAPTER, adapter);
    run(second);
    assertEquals(Math.log(2), losses().getFirst(), 1e-6);
    TrainingOptions third = options(Method.DPO, "third").set(Settings.STEPS, 1);
    run(third.set(Settings.REFERENCE_ADAPTER, adapter));
    assertTrue(losses().getFirst() > Math.log(2) + 0.01, losses().toString());
  }

  /// The adapters of a reference belong to a run as its data does.
  @ParameterizedTest
  @ValueSource(strings = {"init-adapter", "reference-adapter"})
  void aRunDoesNotGoOnWithAnotherReference(String setting) throws IOException {
    Path adapter = write(run(options(Method.DPO, "first")).adapter(), "first.gguf");
    TrainingOptions options = options(Method.DPO, "second");
    options.setText(Settings.named(setting).orElseThrow(), List.of(adapter.toString()), "");
    if (setting.equals("init-adapter")) {
      options.set(Settings.RANK, null);
    }
    TrainingConfig config = options.resolve();
    run(options);
    write(run(options(Method.DPO, "third").set(Settings.SEED, 5L)).adapter(), "first.gguf");
    Path run = config.get(Settings.RUN);
    TrainingConfig again = ResumedRun.config(run, new TrainingOptions(), events);
    InvalidInputException problem =
        assertThrows(InvalidInputException.class, () -> new Trainer(again, events).resume());
    assertTrue(problem.getMessage().contains("first.gguf"), problem.getMessage());
  }

  /// An answer can't be compared with itself.
  @ParameterizedTest
  @ValueSource(ints = {1, PAIRS - 1})
  void ktoNeedsTwoAnswersOnBothSidesOfAValidation(int measured) throws IOException {
    TrainingOptions options =
        options(Method.KTO, "a").set(Settings.VALIDATION, new ValidationData.Count(measured));
    InvalidInputException problem = assertThrows(InvalidInputException.class, () -> run(options));
    assertTrue(problem.getMessage().contains("one example is too few"), problem.getMessage());
  }

  @Test
  void aReferenceOfAnotherBaseIsRefused() throws IOException {
    Path adapter = write(run(options(Method.DPO, "a")).adapter(), "a.gguf");
    Path other = RandomModel.of(TensorType.Q8_0).write(folder.resolve("other.gguf"));
    TrainingOptions options =
        options(Method.DPO, "b").model(other).set(Settings.REFERENCE_ADAPTER, adapter);
    String message = assertThrows(InvalidInputException.class, () -> run(options)).getMessage();
    assertTrue(message.contains("a.gguf"), message);
  }

  private Path write(LoraAdapter adapter, String name) throws IOException {
    Path file = folder.resolve(name);
    try (GgufFile opened = GgufFile.open(base)) {
      AdapterExporter.write(adapter, new AdapterMetadata(BaseIdentity.of(opened), Map.of()), file);
    }
    return file;
  }
}
