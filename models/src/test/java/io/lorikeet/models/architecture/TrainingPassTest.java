package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Properties across passes: sums of gradients, dropout, an adapter that changes nothing yet.
@ExtendWith(LeakCheck.class)
class TrainingPassTest {
  private static final PassShape SHAPE = new PassShape(1, 24, 8, 16, 12);
  private static final List<String> ROLES = ReferenceCheck.ALL;

  @TempDir Path folder;

  private static TokenBatch batch(long seed) {
    return RandomInputs.packedBatch(400, SHAPE.rows(), SHAPE.context(), seed);
  }

  private Path model() throws IOException {
    return RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
  }

  /// Each batch's gradient is a sum of its own, to the last bit: so batches can be computed
  /// anywhere.
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void gradientsAddUpOverBatches(int passes) throws IOException {
    Path file = model();
    LoraAdapter adapter;
    try (GgufFile base = GgufFile.open(file)) {
      adapter = ModelRun.adapter(RandomInputs.pairs(base, ROLES, 4, 5), 0.7);
    }
    for (Precision precision : List.of(Precision.F32, Precision.AUTO)) {
      ModelOptions options =
          new ModelOptions(
              SHAPE,
              List.of(),
              precision,
              true,
              0,
              SavedInputs.DEVICE,
              SavedActivations.NONE,
              passes,
              false,
              0,
              false);
      try (ModelRun run = new ModelRun(file, "cpu", adapter, options, passes > 1)) {
        float[] sum = new float[run.lora.gradients().downloadFloats().length];
        for (int i = 1; i <= 3; i++) {
          run.lora.gradients().clear();
          run.model.lossAndGradients(batch(i), 0);
          float[] gradients = run.lora.gradients().downloadFloats();
          for (int j = 0; j < sum.length; j++) {
            sum[j] += gradients[j];
          }
        }
        run.lora.gradients().clear();
        run.model.lossesAndGradients(List.of(batch(1), batch(2), batch(3)), new long[3]);
        assertArrayEquals(sum, run.lora.gradients().downloadFloats());
      }
    }
  }

  /// Two rows in one batch give what they give one after the other.
  @Test
  void gradientsAddUpOverRows() throws IOException {
    Path file = model();
    double[] first;
    double[] second;
    try (ModelRun run = ModelRun.adapted(file, ROLES, SHAPE, 0)) {
      first = gradients(run, 1);
      second = gradients(run, 2);
    }
    PassShape both = new PassShape(2, SHAPE.context(), 8, 16, 12);
    try (ModelRun run = ModelRun.adapted(file, ROLES, both, 0)) {
      run.model.lossAndGradients(joined(batch(1), batch(2)), 0);
      assertSum(first, second, ModelRun.widened(run.lora.gradients().downloadFloats()));
    }
  }

  /// Rows of several lengths through one model are computed as each would be in a model for it, in
  /// memory that isn't larger for them.
  @Test
  void shorterRowsTakeTheirOwnGraphs() throws IOException {
    Path file = model();
    List<Integer> lengths = List.of(24, 13, 5);
    PassShape shape = new PassShape(2, 24, 8, 16, 12);
    ModelOptions options =
        new ModelOptions(
            shape,
            List.of(13, 5),
            Precision.F32,
            true,
            0,
            SavedInputs.DEVICE,
            SavedActivations.NONE,
            1,
            false,
            0,
            false);
    List<Double> losses = new ArrayList<>();
    double[] sum = null;
    ModelMemory alone = null;
    for (int length : lengths) {
      PassShape own = new PassShape(2, length, 8, 16, 12);
      try (ModelRun run = ModelRun.adapted(file, ROLES, own, 0)) {
        losses.add(run.model.lossAndGradients(rows(length), 0));
        alone = alone == null ? run.model.memory() : alone;
        double[] gradients = ModelRun.widened(run.lora.gradients().downloadFloats());
        for (int i = 0; sum != null && i < sum.length; i++) {
          gradients[i] += sum[i];
        }
        sum = gradients;
      }
    }
    LoraAdapter adapter;
    try (GgufFile base = GgufFile.open(file)) {
      adapter = ModelRun.adapter(RandomInputs.pairs(base, ROLES, 4, 5), 0.7);
    }
    try (ModelRun run = new ModelRun(file, "cpu", adapter, options, false)) {
      assertEquals(alone, run.model.memory());
      for (int i :
          new int[] {1, 0, 2}) { // a short row where nothing was before, and after a long one
        double loss = run.model.lossAndGradients(rows(lengths.get(i)), 0);
        assertEquals(losses.get(i), loss, 1e-6 * loss);
        assertEquals(loss, run.model.loss(rows(lengths.get(i))), 1e-6 * loss);
        assertEquals(2 * lengths.get(i), run.logits(rows(lengths.get(i))).length);
      }
      double[] actual = ModelRun.widened(run.lora.gradients().downloadFloats());
      double error = ModelRun.relativeError(actual, sum);
      assertTrue(error < 1e-6, "relative error " + error);
      TokenBatch other = rows(6);
      assertThrows(IllegalArgumentException.class, () -> run.model.loss(other));
    }
  }

  private static TokenBatch rows(int length) {
    return RandomInputs.packedBatch(400, 2, length, length);
  }

  private static double[] gradients(ModelRun run, long batchSeed) {
    run.lora.gradients().clear();
    run.model.lossAndGradients(batch(batchSeed), 0);
    return ModelRun.widened(run.lora.gradients().downloadFloats());
  }

  private static void assertSum(double[] first, double[] second, double[] actual) {
    double[] expected = first.clone();
    for (int i = 0; i < expected.length; i++) {
      expected[i] += second[i];
    }
    double error = ModelRun.relativeError(actual, expected);
    assertTrue(error < 1e-5, "relative error " + error);
  }

  private static TokenBatch joined(TokenBatch a, TokenBatch b) {
    float[] weights = new float[a.size() + b.size()];
    System.arraycopy(a.targetWeights(), 0, weights, 0, a.size());
    System.arraycopy(b.targetWeights(), 0, weights, a.size(), b.size());
    return new TokenBatch(
        2,
        a.context(),
        joined(a.tokens(), b.tokens()),
        joined(a.positions(), b.positions()),
        joined(a.seenUntil(), b.seenUntil()),
        joined(a.targets(), b.targets()),
        weights);
  }

  private static int[] joined(int[] a, int[] b) {
    int[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  @Test
  void dropoutIsDrawnBySeedAndForTrainingOnly() throws IOException {
    Path file = model();
    double without;
    try (ModelRun run = ModelRun.adapted(file, ROLES, SHAPE, 0)) {
      without = run.model.lossAndGradients(batch(1), 7);
      assertEquals(without, run.model.lossAndGradients(batch(1), 8), "no dropout, no seed");
    }
    try (ModelRun run = ModelRun.adapted(file, ROLES, SHAPE, 0.4)) {
      double seven = run.model.lossAndGradients(batch(1), 7);
      double[] gradients = ModelRun.widened(run.lora.gradients().downloadFloats());
      assertNotEquals(seven, run.model.lossAndGradients(batch(1), 8));
      assertEquals(without, run.model.loss(batch(1)), 1e-6 * without, "evaluation");
      run.lora.gradients().clear();
      assertEquals(seven, run.model.lossAndGradients(batch(1), 7), "the same seed");
      assertArrayEquals(gradients, ModelRun.widened(run.lora.gradients().downloadFloats()));
    }
  }

  @Test
  void dropoutKeepsTheMean() throws IOException {
    Path file = model();
    double dropout = 0.3;
    try (ModelRun run = ModelRun.adapted(file, ROLES, SHAPE, 0);
        PassInputs inputs =
            new PassInputs(
                run.backend,
                run.base,
                run.model.config(),
                new ModelOptions(SHAPE, Precision.F32, true, dropout),
                false)) {
      inputs.drawDropout(11);
      float[] mask = inputs.get("dropout").downloadFloats();
      int dropped = 0;
      for (float value : mask) {
        assertTrue(value == 0 || Math.abs(value - 1 / (1 - dropout)) < 1e-6, "factor " + value);
        dropped += value == 0 ? 1 : 0;
      }
      double deviation = Math.sqrt(dropout * (1 - dropout) / mask.length);
      assertEquals(dropout, dropped / (double) mask.length, 5 * deviation, "share of zeros");
    }
  }

  /// B is zero at first, A for the token embedding: the base's logits, bit for bit.
  @Test
  void aNewAdapterChangesNothing() throws IOException {
    Path file = model();
    LoraSettings settings =
        new LoraSettings(8, 16, false, 0, List.of("all-linear", "output", "token_embd"), 3);
    LoraAdapter adapter;
    try (GgufFile base = GgufFile.open(file);
        Backend backend = Backend.open("cpu", 1);
        LoraParameters created =
            LoraParameters.create(base, ModelConfig.of(base), settings, backend)) {
      adapter = created.toAdapter();
    }
    float[][] expected;
    try (ModelRun run = new ModelRun(file, "cpu", null, SHAPE, Precision.AUTO, 0)) {
      expected = run.logits(batch(1));
    }
    try (ModelRun run = new ModelRun(file, "cpu", adapter, SHAPE, Precision.AUTO, 0)) {
      assertArrayEquals(expected, run.logits(batch(1)));
      run.model.lossAndGradients(batch(1), 0);
      for (float gradient : run.lora.gradients().downloadFloats()) {
        assertTrue(Float.isFinite(gradient));
      }
    }
  }

  @Test
  void refusesWhatDoesntFit() throws IOException {
    Path file = model();
    try (ModelRun run = new ModelRun(file, "cpu", null, SHAPE, Precision.AUTO, 0)) {
      TokenBatch shorter = RandomInputs.packedBatch(400, 1, 23, 1);
      assertThrows(IllegalArgumentException.class, () -> run.model.loss(shorter));
      TokenBatch outside = RandomInputs.packedBatch(4000, 1, 24, 1);
      assertThrows(IllegalArgumentException.class, () -> run.model.loss(outside));
      assertThrows(IllegalStateException.class, () -> run.model.lossAndGradients(batch(1), 0));
    }
  }
}
