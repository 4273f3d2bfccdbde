package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The gradients of every adapter matrix against the float64 reference, with B ≠ 0.
@ExtendWith(LeakCheck.class)
class GradientTest {
  private static final List<String> ALL =
      List.of(
          "token_embd",
          "attn_q",
          "attn_k",
          "attn_v",
          "attn_output",
          "ffn_gate",
          "ffn_up",
          "ffn_down",
          "output");
  private static final List<String> LINEAR = ALL.subList(1, 8);
  private static final double SCALING = 0.7;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      names = {
        "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
        "NVFP4"
      })
  void everyMatrixInF32(TensorType type) throws IOException {
    Path file = RandomModel.of(type).biases().ropeFactors().write(folder.resolve("m.gguf"));
    check(file, "cpu", ALL, new PassShape(2, 24, 8, 20, 13), Precision.F32, 1, 1e-3);
  }

  @ParameterizedTest
  @ValueSource(floats = {1e-8f, 1e5f})
  void gradientsOfAnySize(float weight) throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    check(file, "cpu", ALL, new PassShape(1, 32, 32, 32, 32), Precision.F32, weight, 1e-3);
    check(file, "cpu", ALL, new PassShape(1, 32, 32, 32, 32), Precision.AUTO, weight, 0.05);
  }

  @Test
  void tiedHead() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).tied().write(folder.resolve("m.gguf"));
    check(file, "cpu", LINEAR, new PassShape(2, 16, 16, 32, 32), Precision.F32, 1, 1e-3);
  }

  private void check(
      Path file,
      String device,
      List<String> roles,
      PassShape shape,
      Precision precision,
      float weight,
      double bound)
      throws IOException {
    List<LoraPair> pairs;
    ReferenceModel reference;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, roles, 4, 5);
      reference = ReferenceModel.of(base);
    }
    TokenBatch batch =
        weighted(
            RandomInputs.packedBatch(
                reference.config().vocabulary(), shape.rows(), shape.context(), 3),
            weight);
    ReferenceModel.Result expected = reference.run(batch, pairs, SCALING);
    try (ModelRun run =
        new ModelRun(file, device, ModelRun.adapter(pairs, SCALING), shape, precision, 0)) {
      double loss = run.model.lossAndGradients(batch, 0);
      assertEquals(expected.loss(), loss, bound * Math.abs(expected.loss()), "loss");
      assertEquals(loss, run.model.loss(batch), 1e-6 * Math.abs(loss), "loss without gradients");
      for (Map.Entry<String, ReferencePair> actual : run.gradients().entrySet()) {
        ReferencePair wanted = expected.gradients().get(actual.getKey());
        double a = ModelRun.relativeError(actual.getValue().a(), wanted.a());
        double b = ModelRun.relativeError(actual.getValue().b(), wanted.b());
        assertTrue(a <= bound && b <= bound, actual.getKey() + ": A " + a + ", B " + b);
      }
    }
  }

  private static TokenBatch weighted(TokenBatch batch, float weight) {
    float[] weights = batch.targetWeights().clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= weight;
    }
    return new TokenBatch(
        batch.rows(),
        batch.context(),
        batch.tokens(),
        batch.positions(),
        batch.firstVisible(),
        batch.targets(),
        weights);
  }
}
