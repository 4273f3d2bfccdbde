package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// The forward pass against llama.cpp's own logits for the same file (KV cache in F32, flash
/// attention off).
@ExtendWith(LeakCheck.class)
class LogitsTest {
  private static final int CONTEXT = 48;

  /// Both sides round activations to 8 bits before a quantized product, but ours takes the tokens
  /// of a whole batch, and llama.cpp may use a repacked layout with sums in another order.
  /// Activations near a rounding boundary then differ by one step of 1/127 of their block's
  /// largest.
  private static final double QUANTIZED_BOUND = 2e-2;

  @TempDir Path folder;

  @Test
  void exactInF32() throws IOException {
    assertClose(RandomModel.of(TensorType.F32), 1e-4);
  }

  @Test
  void exactWithEveryOptionalTensor() throws IOException {
    assertClose(RandomModel.of(TensorType.F32).biases().ropeFactors().tied(), 1e-4);
    assertClose(RandomModel.of(TensorType.F32).heads(8, 2).headSize(32).layers(3), 1e-4);
  }

  @Test
  void exactWithScaledRope() throws IOException {
    for (String kind : List.of("none", "linear", "yarn")) {
      assertClose(RandomModel.of(TensorType.F32).ropeScaling(kind, 4, 16), 1e-4);
    }
    assertClose(RandomModel.of(TensorType.F32).ropeBase(500000), 1e-4);
  }

  @Tag("slow")
  @ParameterizedTest
  @EnumSource(
      names = {
        "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
        "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"
      })
  void closeForEveryType(TensorType type) throws IOException {
    assertClose(RandomModel.of(type), QUANTIZED_BOUND);
  }

  @Test
  void filesOfMixedTypes() throws IOException {
    assertClose(
        RandomModel.of(TensorType.Q4_K)
            .type("ffn_down", TensorType.Q6_K)
            .type("attn_v", TensorType.Q6_K)
            .type("output", TensorType.Q8_0),
        QUANTIZED_BOUND);
  }

  /// In training's own precision as well, which may round activations to BF16.
  @Tag("slow")
  @ParameterizedTest
  @CsvSource({"F32, 1e-4", "LLAMA, 1e-4", "AUTO, 5e-3"})
  void rowsOfABatchAndExamplesOfARowDontSeeEachOther(Precision precision, double bound)
      throws IOException {
    Path file = RandomModel.of(TensorType.F32).write(folder.resolve("m.gguf"));
    int row = CONTEXT / 2;
    int[] tokens = RandomInputs.plainBatch(400, CONTEXT, 9).tokens();
    int[] starts = {0, 7, row, CONTEXT};
    int[] positions = new int[CONTEXT];
    int[] seenUntil = new int[CONTEXT];
    for (int example = 0; example + 1 < starts.length; example++) {
      for (int i = starts[example]; i < starts[example + 1]; i++) {
        positions[i] = i - starts[example];
        seenUntil[i] = (starts[example + 1] - 1) % row;
      }
    }
    float[] noWeights = new float[CONTEXT];
    TokenBatch packed = new TokenBatch(2, row, tokens, positions, seenUntil, tokens, noWeights);
    PassShape shape = new PassShape(2, row, 8, 16, 16);
    try (ModelRun run = new ModelRun(file, "cpu", null, shape, precision, 0)) {
      float[][] logits = run.logits(packed);
      for (int example = 0; example + 1 < starts.length; example++) {
        int[] alone = Arrays.copyOfRange(tokens, starts[example], starts[example + 1]);
        float[][] expected = llama(file, alone);
        for (int i = 0; i < alone.length; i++) {
          double error = error(expected[i], logits[starts[example] + i]);
          assertTrue(error < bound, "example " + example + ", token " + i + ": " + error);
        }
      }
    }
  }

  /// Training's logits differ from the exact ones by the rounding of weights and, on some
  /// processors, activations to BF16.
  @Tag("slow")
  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "IQ4_XS"})
  void trainingIsCloseToExact(TensorType type) throws IOException {
    Path file = RandomModel.of(type).write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.plainBatch(400, CONTEXT, 9);
    PassShape shape = new PassShape(1, CONTEXT, 16, 32, 20);
    try (ModelRun exact = new ModelRun(file, "cpu", null, shape, Precision.F32, 0);
        ModelRun fast = new ModelRun(file, "cpu", null, shape, Precision.AUTO, 0)) {
      float[][] expected = exact.logits(batch);
      float[][] actual = fast.logits(batch);
      for (int i = 0; i < CONTEXT; i++) {
        double error = error(expected[i], actual[i]);
        assertTrue(error < QUANTIZED_BOUND, "token " + i + ": " + error);
      }
    }
  }

  private void assertClose(RandomModel model, double bound) throws IOException {
    Path file = model.write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.plainBatch(400, CONTEXT, 9);
    try (ModelRun run =
        new ModelRun(
            file, "cpu", null, new PassShape(1, CONTEXT, 16, 32, 20), Precision.LLAMA, 0)) {
      float[][] expected = llama(file, batch.tokens());
      float[][] actual = run.logits(batch);
      double worst = 0;
      int agreed = 0;
      for (int i = 0; i < CONTEXT; i++) {
        worst = Math.max(worst, error(expected[i], actual[i]));
        agreed += best(expected[i]) == best(actual[i]) ? 1 : 0;
      }
      assertTrue(worst <= bound, "relative error " + worst);
      assertEquals(CONTEXT, agreed, CONTEXT * 0.05, "tokens whose largest logit agrees");
    }
  }

  private static float[][] llama(Path file, int[] tokens) {
    float[][] logits = new float[tokens.length][];
    try (LlamaModel model = LlamaModel.load(file, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, 64, 64, 2)) {
      context.forEachLogits(
          tokens, (token, row) -> logits[token] = row.toArray(ValueLayout.JAVA_FLOAT));
    }
    return logits;
  }

  /// ‖actual - expected‖ / ‖expected‖.
  private static double error(float[] expected, float[] actual) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      double d = actual[i] - expected[i];
      difference += d * d;
      size += expected[i] * (double) expected[i];
    }
    return Math.sqrt(difference / size);
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }
}
