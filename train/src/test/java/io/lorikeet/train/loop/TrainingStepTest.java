package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.PackedRow;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.goal.TokenGoal;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.optimizer.NonFiniteException;
import io.lorikeet.train.parallel.StepGradients;
import io.lorikeet.train.settings.AdamWSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class TrainingStepTest {
  private static final int CONTEXT = 32;

  @TempDir private static Path folder;
  private static Path base;

  @BeforeAll
  static void writeBase() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
  }

  /// Rows of 3 and of 29 targets: were each divided by its own, the first would count ten times as
  /// much.
  @Test
  void accumulationDividesOnceByTheTargetsOfAll() throws IOException {
    PackedRow few = row(30, 27, 1);
    PackedRow many = row(30, 1, 2);
    Result together = step(0, 2, List.of(MicroBatch.of(List.of(few, many), 2, CONTEXT)));
    Result apart =
        step(
            0,
            1,
            List.of(
                MicroBatch.of(List.of(few), 1, CONTEXT), MicroBatch.of(List.of(many), 1, CONTEXT)));
    assertEquals(32, apart.outcome.targetTokens());
    assertEquals(58, apart.outcome.tokens());
    assertEquals(together.outcome.targetTokens(), apart.outcome.targetTokens());
    assertEquals(together.outcome.loss(), apart.outcome.loss(), 1e-5);
    assertEquals(1, together.outcome.gradientNorm() / apart.outcome.gradientNorm(), 1e-5);
    assertTrue(relativeDifference(together.update(), apart.update()) < 1e-3);

    Result mostlyFew = step(0, 2, List.of(MicroBatch.of(List.of(few, few), 2, CONTEXT)));
    assertTrue(relativeDifference(together.update(), mostlyFew.update()) > 0.1);
  }

  @Test
  void clippingOnlyLowersTheNorm() throws IOException {
    List<MicroBatch> batches = List.of(MicroBatch.of(List.of(row(30, 1, 1)), 1, CONTEXT));
    Result free = step(0, 1, batches);
    double norm = free.outcome.gradientNorm();
    Result loose = step(2 * norm, 1, batches);
    assertEquals(free.outcome, loose.outcome);
    assertArrayEquals(free.after, loose.after);
    // AdamW's first update hardly depends on the gradient's size until epsilon counts.
    Result tight = step(norm * 1e-6, 1, batches);
    assertEquals(norm, tight.outcome.gradientNorm());
    assertTrue(size(tight.update()) < 0.9 * size(free.update()));
  }

  @Test
  void aStepThatIsNotFiniteChangesNothing() throws IOException {
    Path broken = RandomModel.of(TensorType.F32).write(folder.resolve("broken.gguf"));
    TinyRun.poison(broken, "blk.1.ffn_up.weight", Float.NaN);
    List<MicroBatch> batches = List.of(MicroBatch.of(List.of(row(30, 1, 1)), 1, CONTEXT));
    try (Training training = new Training(broken, 0, 1)) {
      float[] before = training.lora.values().downloadFloats();
      String message =
          assertThrows(
                  NonFiniteException.class,
                  () -> training.step.run(4, batches, 0.1, TrainingStep.Watch.NOBODY))
              .getMessage();
      assertTrue(message.startsWith("step 4: the loss is not a finite number"), message);
      assertTrue(message.contains("first in layer 1"), message);
      assertTrue(message.contains("data.jsonl:1"), message);
      assertArrayEquals(before, training.lora.values().downloadFloats());
    }
  }

  @Test
  void aGradientThatIsNotFiniteNamesItsTensor() throws IOException {
    List<MicroBatch> batches = List.of(MicroBatch.of(List.of(row(30, 1, 1)), 1, CONTEXT));
    try (Training training = new Training(base, 1, 1)) {
      float[] gradients = training.lora.gradients().downloadFloats();
      int inSlot =
          Math.toIntExact(training.lora.slot("blk.0.ffn_down.weight").orElseThrow().bOffset());
      gradients[inSlot + 3] = Float.POSITIVE_INFINITY;
      training.lora.gradients().upload(gradients);
      float[] before = training.lora.values().downloadFloats();
      String message =
          assertThrows(
                  NonFiniteException.class,
                  () -> training.step.run(2, batches, 0.1, TrainingStep.Watch.NOBODY))
              .getMessage();
      assertTrue(message.startsWith("step 2: the gradient is not a finite number"), message);
      assertTrue(message.contains("first in blk.0.ffn_down.weight"), message);
      assertTrue(message.contains("--learning-rate"), message);
      assertArrayEquals(before, training.lora.values().downloadFloats());
    }
  }

  private static PackedRow row(int tokens, int promptLength, int line) {
    int[] ids = new SplittableRandom(line).ints(tokens, 3, 400).toArray();
    return PackedRow.of(new TokenizedExample(ids, promptLength, "data.jsonl", line));
  }

  private record Result(TrainingStep.StepOutcome outcome, float[] before, float[] after) {
    double[] update() {
      double[] update = new double[before.length];
      for (int i = 0; i < update.length; i++) {
        update[i] = (double) after[i] - before[i];
      }
      return update;
    }
  }

  private static Result step(double maxGradNorm, int rows, List<MicroBatch> batches)
      throws IOException {
    try (Training training = new Training(base, maxGradNorm, rows)) {
      float[] before = training.lora.values().downloadFloats();
      TrainingStep.StepOutcome outcome =
          training.step.run(1, batches, 0.01, TrainingStep.Watch.NOBODY);
      float[] after = training.lora.values().downloadFloats();
      assertNotEquals(0, outcome.gradientNorm());
      return new Result(outcome, before, after);
    }
  }

  private static double relativeDifference(double[] a, double[] b) {
    double[] difference = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return size(difference) / size(b);
  }

  private static double size(double[] vector) {
    double sum = 0;
    for (double value : vector) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  /// Everything a step needs, open.
  private static final class Training implements AutoCloseable {
    private final GgufFile file;
    private final Backend backend;
    private final BaseWeights weights;
    private final LoraParameters lora;
    private final TransformerModel model;
    private final AdamW optimizer;
    private final TrainingStep step;

    Training(Path path, double maxGradNorm, int rows) throws IOException {
      file = GgufFile.open(path);
      backend = Backend.open("cpu", 1);
      ModelConfig config = ModelConfig.of(file);
      LoraSettings settings = new LoraSettings(4, 8, false, 0, List.of("q", "down"), 3);
      weights = BaseWeights.load(file, backend, (_, _) -> {});
      lora = LoraParameters.create(file, config, settings, backend);
      PassShape shape = PassShape.choose(config, rows, CONTEXT);
      ModelOptions options = new ModelOptions(shape, Precision.F32, true, 0);
      model = new TransformerModel(file, config, weights, lora, backend, options);
      optimizer = new AdamW(lora, AdamWSettings.of(0), backend);
      step =
          new TrainingStep(
              model,
              StepGradients.local(),
              optimizer,
              new TokenGoal(),
              Optional.empty(),
              maxGradNorm,
              1);
    }

    @Override
    public void close() {
      optimizer.close();
      model.close();
      lora.close();
      weights.close();
      backend.close();
      file.close();
    }
  }
}
