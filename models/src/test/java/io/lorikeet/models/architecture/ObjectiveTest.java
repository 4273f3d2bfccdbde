package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.models.testing.ReferenceModel.LogitsLoss;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The kinds of losses beside cross-entropy with the batch's targets, against the float64
/// reference, whose own gradient is held against central differences.
@ExtendWith(LeakCheck.class)
class ObjectiveTest {
  private static final PassShape SHAPE = new PassShape(2, 24, 12, 20, 13);
  private static final int VOCABULARY = 400;
  private static final int LISTED = 3;
  private static final double SCALING = 0.7;
  private static final double BETA = 0.05;

  @TempDir private Path folder;
  private Path file;
  private List<LoraPair> pairs;
  private ReferenceModel reference;

  private final TokenBatch batch =
      RandomInputs.branchedBatch(VOCABULARY, SHAPE.rows(), SHAPE.context(), 3);
  private final float[] weights = weights(batch);

  @BeforeEach
  void writeModel() throws IOException {
    file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, ReferenceCheck.ALL, 4, 5);
      reference = ReferenceModel.of(base);
    }
  }

  /// 1 and 2 as in a batch whose examples share places, and some below 0.
  private static float[] weights(TokenBatch batch) {
    float[] weights = batch.targetWeights().clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= i % 7 == 0 ? -0.5f : 1 + i % 2;
    }
    return weights;
  }

  /// A loss of all places' losses.
  private record Combined(double value, double[] derivatives) {
    /// The first row is to be likelier than the second, and every place has a slope of its own
    /// besides: derivatives of both signs, none of which is known before all losses are.
    static Combined ofPair(double[] losses, float[] weights) {
      double[] derivatives = new double[losses.length];
      double margin = 0;
      double waves = 0;
      for (int i = 0; i < losses.length; i++) {
        if (weights[i] != 0) {
          margin += sign(i) * losses[i];
          waves += 0.02 * Math.sin(losses[i]);
        }
      }
      double slope = BETA / (1 + Math.exp(-BETA * margin));
      for (int i = 0; i < losses.length; i++) {
        derivatives[i] = weights[i] == 0 ? 0 : sign(i) * slope + 0.02 * Math.cos(losses[i]);
      }
      return new Combined(Math.log1p(Math.exp(BETA * margin)) + waves, derivatives);
    }

    private static int sign(int place) {
      return place < SHAPE.context() ? 1 : -1;
    }

    static Combined ofWeights(double[] losses, float[] weights) {
      double value = 0;
      for (int i = 0; i < losses.length; i++) {
        value += weights[i] * losses[i];
      }
      return new Combined(value, ModelRun.widened(weights));
    }
  }

  /// The same in `double`, from logits.
  ///
  /// @param wanted distribution at each place
  private static LogitsLoss reference(
      double[][] wanted, Function<double[], Combined> combination, List<double[]> placeLosses) {
    return logits -> {
      double[] losses = new double[wanted.length];
      for (int i = 0; i < losses.length; i++) {
        int start = i * VOCABULARY;
        double sum = 0;
        double mass = 0;
        for (int v = 0; v < VOCABULARY; v++) {
          sum += Math.exp(logits[start + v]);
          mass += wanted[i][v];
          losses[i] -= wanted[i][v] * logits[start + v];
        }
        losses[i] += mass * Math.log(sum);
        for (int v = 0; v < VOCABULARY; v++) {
          logits[start + v] = mass * Math.exp(logits[start + v]) / sum - wanted[i][v];
        }
      }
      Combined combined = combination.apply(losses);
      for (int i = 0; i < logits.length; i++) {
        logits[i] *= combined.derivatives[i / VOCABULARY];
      }
      placeLosses.add(losses);
      return combined.value;
    };
  }

  private double[][] targets() {
    double[][] targets = new double[batch.size()][VOCABULARY];
    for (int i = 0; i < targets.length; i++) {
      targets[i][batch.targets()[i]] = 1;
    }
    return targets;
  }

  @ParameterizedTest
  @CsvSource({"cpu, F32, 1e-3", "cpu, AUTO, 5e-2"})
  void anyFunctionOfTheLosses(String device, Precision precision, double bound) throws IOException {
    Function<double[], Combined> pair = losses -> Combined.ofPair(losses, batch.targetWeights());
    List<double[]> placeLosses = new ArrayList<>();
    LogitsLoss loss = reference(targets(), pair, placeLosses);
    check(device, precision, bound, batch, _ -> ofPair(), loss, placeLosses);
  }

  private Objective.OfLosses ofPair() {
    return losses -> {
      Combined combined = Combined.ofPair(ModelRun.widened(losses), batch.targetWeights());
      float[] derivatives = new float[losses.length];
      for (int i = 0; i < losses.length; i++) {
        derivatives[i] = (float) combined.derivatives[i];
      }
      return derivatives;
    };
  }

  /// Both passes over the head see the masks that its pair has in the layers' pass.
  @Test
  void dropoutInAnAdaptedHead() throws IOException {
    TransformerModel.Pass pass = new TransformerModel.Pass(batch, OptionalLong.of(9), ofPair());
    LoraAdapter adapter = ModelRun.adapter(pairs, SCALING);
    try (ModelRun run = new ModelRun(file, "cpu", adapter, SHAPE, Precision.F32, 0.3)) {
      run.model.addGradients(List.of(pass));
      run.model.takeLosses();
      DifferencesTest.checkSlope(run, model -> value(model, pass), 2e-3);
    }
  }

  private double value(TransformerModel model, TransformerModel.Pass pass) {
    model.addGradients(List.of(pass));
    float[] losses = model.takeLosses().losses().getFirst();
    return Combined.ofPair(ModelRun.widened(losses), batch.targetWeights()).value;
  }

  @ParameterizedTest
  @CsvSource({"cpu, F32, 1e-3", "cpu, AUTO, 5e-2"})
  void distributions(String device, Precision precision, double bound) throws IOException {
    int size = batch.size();
    SplittableRandom random = new SplittableRandom(8);
    int[] tokens = new int[size * LISTED];
    float[] probabilities = new float[size * LISTED];
    float[] rest = new float[size];
    double[][] wanted = new double[size][VOCABULARY];
    for (int i = 0; i < size; i++) {
      rest[i] = i % 3 == 0 ? 0 : 0.3f * (float) random.nextDouble() / VOCABULARY;
      Arrays.fill(wanted[i], rest[i]);
      for (int j = 0; j < LISTED; j++) {
        int at = i * LISTED + j;
        tokens[at] = (batch.targets()[i] + 17 * j) % VOCABULARY;
        probabilities[at] = (float) random.nextDouble() / LISTED;
        wanted[i][tokens[at]] = probabilities[at];
      }
    }
    Objective objective = new Objective.Distributions(LISTED, tokens, probabilities, rest);
    List<double[]> placeLosses = new ArrayList<>();
    LogitsLoss loss = reference(wanted, this::weightedSum, placeLosses);
    check(device, precision, bound, weighted(), _ -> objective, loss, placeLosses);
  }

  private Combined weightedSum(double[] losses) {
    return Combined.ofWeights(losses, weights);
  }

  private TokenBatch weighted() {
    return new TokenBatch(
        batch.rows(),
        batch.context(),
        batch.tokens(),
        batch.positions(),
        batch.seenUntil(),
        batch.targets(),
        weights);
  }

  /// Cross-entropy with the base's distribution has the same gradient, and is larger by the base's
  /// entropy.
  @ParameterizedTest
  @CsvSource({"cpu, F32, 1e-3", "cpu, AUTO, 5e-2"})
  void divergenceFromTheBase(String device, Precision precision, double bound) throws IOException {
    double[][] wanted = new double[batch.size()][VOCABULARY];
    double[] entropies = new double[batch.size()];
    reference.runWide(batch, List.of(), SCALING, logits -> softmax(logits, wanted, entropies));
    List<double[]> crossEntropies = new ArrayList<>();
    List<double[]> placeLosses = new ArrayList<>();
    LogitsLoss ofBase = reference(wanted, this::weightedSum, crossEntropies);
    LogitsLoss loss =
        logits -> {
          double value = ofBase.replaceByGradient(logits);
          double[] losses = crossEntropies.getLast();
          for (int i = 0; i < losses.length; i++) {
            losses[i] -= entropies[i];
          }
          placeLosses.add(losses);
          return value;
        };
    check(device, precision, bound, weighted(), this::ofBase, loss, placeLosses);
  }

  private Objective ofBase(ModelRun run) {
    List<float[]> hidden = new ArrayList<>();
    run.lora.whileOff(() -> hidden.add(run.model.lastHidden(batch)));
    return new Objective.FromBase(hidden.getFirst());
  }

  private static double softmax(double[] logits, double[][] probabilities, double[] entropies) {
    for (int i = 0; i < probabilities.length; i++) {
      double sum = 0;
      for (int v = 0; v < VOCABULARY; v++) {
        probabilities[i][v] = Math.exp(logits[i * VOCABULARY + v]);
        sum += probabilities[i][v];
      }
      for (int v = 0; v < VOCABULARY; v++) {
        probabilities[i][v] /= sum;
        entropies[i] -= probabilities[i][v] * Math.log(probabilities[i][v]);
      }
    }
    return 0;
  }

  /// With an adapter that changes nothing, all is 0 to the last bit: nothing pulls at the base.
  @ParameterizedTest
  @CsvSource({"F32", "AUTO"})
  void theBaseDoesNotDivergeFromItself(Precision precision) throws IOException {
    try (ModelRun run =
        new ModelRun(file, "cpu", ModelRun.adapter(pairs, SCALING), options(precision, 1), false)) {
      Objective objective = ofBase(run);
      float[] kept = run.lora.values().downloadFloats();
      run.lora.whileOff(
          () -> {
            float[] losses = gradients(run, List.of(pass(objective))).getFirst();
            assertArrayEquals(new float[losses.length], losses);
          });
      float[] none = new float[kept.length];
      assertArrayEquals(none, run.lora.gradients().downloadFloats());
      assertArrayEquals(kept, run.lora.values().downloadFloats());
    }
  }

  /// Layers that are streamed for two batches at a time give the same bits as layers that stay.
  @Test
  void streamedBesideAnotherBatchItIsTheSame() throws IOException {
    List<float[]> gradients = new ArrayList<>();
    for (int passes = 1; passes <= 2; passes++) {
      try (ModelRun run =
          new ModelRun(
              file,
              "cpu",
              ModelRun.adapter(pairs, SCALING),
              options(Precision.AUTO, passes),
              passes == 2)) {
        List<TransformerModel.Pass> both =
            List.of(new TransformerModel.Pass(batch, OptionalLong.empty()), pass(ofBase(run)));
        List<float[]> losses = gradients(run, both);
        assertTrue(losses.getLast()[1] > 0);
        gradients.add(losses.getLast());
        gradients.add(run.lora.gradients().downloadFloats());
      }
    }
    assertArrayEquals(gradients.get(0), gradients.get(2));
    assertArrayEquals(gradients.get(1), gradients.get(3));
  }

  private static ModelOptions options(Precision precision, int passes) {
    SavedInputs inputs = passes == 1 ? SavedInputs.DEVICE : SavedInputs.HOST;
    return new ModelOptions(
        SHAPE,
        List.of(),
        precision,
        true,
        0,
        inputs,
        SavedActivations.NONE,
        passes,
        false,
        LISTED,
        true);
  }

  private TransformerModel.Pass pass(Objective objective) {
    return new TransformerModel.Pass(weighted(), OptionalLong.empty(), objective);
  }

  private static List<float[]> gradients(ModelRun run, List<TransformerModel.Pass> passes) {
    Spec spec = new Spec("other", TensorType.F32, Shape.of(1));
    try (DeviceTensors other = DeviceTensors.allocate(run.backend, List.of(spec))) {
      run.model.addGradients(passes);
      return run.model.takeLosses(other.get("other")).losses();
    }
  }

  /// Through ggml's operations on another device, where the two passes and the uploads between them
  /// are queued.
  @Test
  @Tag("vulkan")
  void onVulkan() throws IOException {
    VulkanDevice.assumePresent();
    anyFunctionOfTheLosses(VulkanDevice.NAME, Precision.AUTO, 2e-2);
    distributions(VulkanDevice.NAME, Precision.AUTO, 2e-2);
    divergenceFromTheBase(VulkanDevice.NAME, Precision.AUTO, 2e-2);
  }

  private void check(
      String device,
      Precision precision,
      double bound,
      TokenBatch given,
      Function<ModelRun, Objective> objective,
      LogitsLoss loss,
      List<double[]> placeLosses)
      throws IOException {
    List<ReferencePair> wide = pairs.stream().map(ReferencePair::of).toList();
    ReferenceModel.Result expected = reference.runWide(given, wide, SCALING, loss);
    checkSlopes(given, wide, loss, expected);
    try (ModelRun run =
        new ModelRun(
            file, device, ModelRun.adapter(pairs, SCALING), options(precision, 1), false)) {
      // The batch before with its own targets leaves nothing behind.
      run.model.lossAndGradients(given, 0);
      run.lora.gradients().clear();
      TransformerModel.Pass pass =
          new TransformerModel.Pass(given, OptionalLong.empty(), objective.apply(run));
      float[] losses = gradients(run, List.of(pass)).getFirst();
      for (int i = 0; i < losses.length; i++) {
        double right = placeLosses.getFirst()[i];
        if (given.targetWeights()[i] != 0) {
          assertEquals(right, losses[i], bound * (1 + Math.abs(right)), "place " + i);
        }
      }
      run.gradients()
          .forEach(
              (name, actual) -> {
                double a = error(actual.a(), expected.gradients().get(name).a());
                double b = error(actual.b(), expected.gradients().get(name).b());
                assertTrue(a <= bound && b <= bound, name + ": A " + a + ", B " + b);
              });
    }
  }

  private static double error(double[] actual, double[] expected) {
    return ModelRun.relativeError(actual, expected);
  }

  /// The slope along the gradient of some matrices is its length.
  private void checkSlopes(
      TokenBatch given, List<ReferencePair> wide, LogitsLoss loss, ReferenceModel.Result result) {
    for (int i = 0; i < wide.size(); i += 4) {
      ReferencePair gradient = result.gradients().get(wide.get(i).baseTensor());
      double squared =
          Arrays.stream(gradient.a()).map(x -> x * x).sum()
              + Arrays.stream(gradient.b()).map(x -> x * x).sum();
      double step = 1e-5 / Math.sqrt(squared);
      double[] values = new double[2];
      for (int side = 0; side < 2; side++) {
        List<ReferencePair> moved = new ArrayList<>(wide);
        moved.set(i, wide.get(i).moved(gradient, side == 0 ? -step : step));
        values[side] = reference.runWide(given, moved, SCALING, loss).loss();
      }
      double slope = (values[1] - values[0]) / (2 * step * squared);
      assertEquals(1, slope, 1e-5, gradient.baseTensor());
    }
  }

  @Test
  void otherDistributionsAreRefused() throws IOException {
    float[] one = {1};
    assertThrows(
        IllegalArgumentException.class,
        () -> new Objective.Distributions(2, new int[] {5, 5}, new float[2], one));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Objective.Distributions(2, new int[3], new float[3], one));
    int size = batch.size();
    Objective fewer =
        new Objective.Distributions(1, new int[size], new float[size], new float[size]);
    int[] outside = new int[size];
    outside[3] = VOCABULARY;
    Objective unknown = new Objective.Distributions(1, outside, new float[size], new float[size]);
    try (ModelRun run = ModelRun.adapted(file, ReferenceCheck.ALL, SHAPE, 0)) {
      assertRefused(run, fewer);
    }
    ModelOptions options =
        new ModelOptions(
            SHAPE,
            List.of(),
            Precision.F32,
            true,
            0,
            SavedInputs.DEVICE,
            SavedActivations.NONE,
            1,
            false,
            1,
            false);
    try (ModelRun run = new ModelRun(file, "cpu", ModelRun.adapter(pairs, 1), options, false)) {
      assertRefused(run, unknown);
    }
  }

  private void assertRefused(ModelRun run, Objective objective) {
    List<TransformerModel.Pass> passes =
        List.of(new TransformerModel.Pass(batch, OptionalLong.empty(), objective));
    assertThrows(IllegalArgumentException.class, () -> run.model.addGradients(passes));
  }
}
