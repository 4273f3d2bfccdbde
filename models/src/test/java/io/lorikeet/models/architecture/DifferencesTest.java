package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The gradient of all adapter matrices together by central differences of the model's own loss,
/// with B ≠ 0 and F32 products.
@ExtendWith(LeakCheck.class)
class DifferencesTest {
  private static final double BOUND = 1e-3;
  private static final double STEP = 2e-2;

  /// Small enough that no token comes to another expert, and that the loss of many layers doesn't
  /// bend.
  private static final double SMALL_STEP = 1e-3;

  private static final PassShape SHAPE = new PassShape(2, 20, 7, 16, 11);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0", "Q4_K"})
  void slopeOfTheLossIsTheGradientsLength(TensorType type) throws IOException {
    Path file = RandomModel.of(type).biases().ropeFactors().write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.packedBatch(400, SHAPE.rows(), SHAPE.context(), 3);
    try (ModelRun run = ModelRun.adapted(file, ReferenceCheck.ALL, SHAPE, 0)) {
      run.model.lossAndGradients(batch, 0);
      checkSlope(run, model -> model.loss(batch), STEP);
    }
  }

  /// The masks of forward, of its recomputation in backward and of every later pass with the same
  /// seed are the same.
  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void withDropout(long seed) throws IOException {
    Path file = RandomModel.of(TensorType.F32).write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.packedBatch(400, SHAPE.rows(), SHAPE.context(), 3);
    try (ModelRun run = ModelRun.adapted(file, ReferenceCheck.ALL, SHAPE, 0.3)) {
      run.model.lossAndGradients(batch, seed);
      checkSlope(run, model -> model.lossAndGradients(batch, seed), STEP);
    }
  }

  /// Of an adapter that acts on some tokens only, with experts.
  @Test
  void activated() throws IOException {
    Path file =
        new RandomFamily("qwen3moe", TensorType.F32)
            .put("expert_count", 4)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", 96)
            .write(folder.resolve("m.gguf"));
    TokenBatch all =
        RandomInputs.packedBatch(RandomFamily.VOCABULARY, SHAPE.rows(), SHAPE.context(), 3);
    TokenBatch some = RandomInputs.adapted(all, place -> place % 3 > 0);
    LoraAdapter adapter;
    try (GgufFile base = GgufFile.open(file)) {
      adapter = ModelRun.adapter(RandomInputs.pairs(base, ModelRun.roles(file), 4, 5), 0.7);
    }
    Optional<Invocation> invocation = Optional.of(new Invocation(List.of(1)));
    ModelOptions options = new ModelOptions(SHAPE, Precision.F32, true, 0);
    double whole;
    double none;
    try (ModelRun run = new ModelRun(file, "cpu", adapter, options, false)) {
      whole = run.model.loss(all);
    }
    try (ModelRun run = new ModelRun(file, "cpu", null, SHAPE, Precision.F32, 0)) {
      none = run.model.loss(all);
    }
    try (ModelRun run =
        new ModelRun(file, "cpu", adapter.activatedBy(invocation), options, false)) {
      assertEquals(whole, run.model.loss(all), 1e-6 * whole);
      assertEquals(none, run.model.loss(RandomInputs.adapted(all, _ -> false)), 1e-6 * none);
      run.model.lossAndGradients(some, 0);
      checkSlope(run, model -> model.loss(some), SMALL_STEP);
    }
  }

  /// Checks the gradients of a model with adapters of these roles.
  static void checkSlope(Path file, List<String> roles, int vocabulary) throws IOException {
    TokenBatch batch = RandomInputs.packedBatch(vocabulary, SHAPE.rows(), SHAPE.context(), 3);
    try (ModelRun run = ModelRun.adapted(file, roles, SHAPE, 0)) {
      run.model.lossAndGradients(batch, 0);
      checkSlope(run, model -> model.loss(batch), SMALL_STEP);
    }
  }

  /// Checks the gradients that were computed last.
  static void checkSlope(ModelRun run, ToDoubleFunction<TransformerModel> loss, double step) {
    double length = length(run.lora.gradients().downloadFloats());
    assertEquals(1, length / slope(run, loss, step), BOUND, "gradient's length over the slope");
  }

  /// The slope of the loss along the gradient that was computed last.
  private static double slope(ModelRun run, ToDoubleFunction<TransformerModel> loss, double step) {
    float[] gradient = run.lora.gradients().downloadFloats();
    float[] values = run.lora.values().downloadFloats();
    double ahead = lossAt(run, loss, values, gradient, step);
    double behind = lossAt(run, loss, values, gradient, -step);
    return (ahead - behind) / (2 * step);
  }

  private static double lossAt(
      ModelRun run,
      ToDoubleFunction<TransformerModel> loss,
      float[] values,
      float[] direction,
      double step) {
    double length = length(direction);
    float[] moved = new float[values.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = (float) (values[i] + step * direction[i] / length);
    }
    run.lora.values().upload(moved);
    return loss.applyAsDouble(run.model);
  }

  private static double length(float[] vector) {
    double sum = 0;
    for (float value : vector) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }
}
