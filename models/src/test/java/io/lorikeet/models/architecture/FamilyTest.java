package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Every family against llama.cpp's logits, with an adapter of all its matrices too, and its
/// gradients by central differences.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class FamilyTest {
  private static final int CONTEXT = 48;
  private static final double EXACT = 1e-4;

  /// Of a single token where there is GELU: the CPU looks it up in a table of F16, on both sides,
  /// and where rounding takes an element to the next entry, it changes by 5e-4. That befalls few
  /// tokens, so all logits together are nearly as exact as without.
  private static final double EXACT_BUT_GELU = 5e-4;

  /// Of all logits together where there is GELU: 1.01e-4 was seen on a processor with AVX2 alone.
  private static final double ALL_BUT_GELU = 2e-4;

  /// The same through 22 layers with two GELUs each, whose differences grow on the way.
  private static final double DEEP_GELU = 2e-3;

  /// As in [LogitsTest].
  private static final double QUANTIZED = 2e-2;

  private static final double SCALING = 0.5;

  @TempDir Path folder;

  private static Stream<FamilyCase> cases() {
    return FamilyCase.all();
  }

  /// One case of each family.
  private static Stream<FamilyCase> families() {
    return FamilyCase.all().filter(FamilyCase::first);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void exactInF32(FamilyCase family) throws IOException {
    compare(family.of(TensorType.F32), false, ofAll(family), ofOneToken(family));
  }

  private static double ofAll(FamilyCase family) {
    if (family.name().equals("gemma3n")) {
      return DEEP_GELU;
    }
    return family.name().startsWith("gemma") ? ALL_BUT_GELU : EXACT;
  }

  private static double ofOneToken(FamilyCase family) {
    if (family.name().equals("gemma3n")) {
      return 2 * DEEP_GELU;
    }
    return family.name().startsWith("gemma") ? EXACT_BUT_GELU : EXACT;
  }

  @ParameterizedTest
  @MethodSource("families")
  void closeInQ4(FamilyCase family) throws IOException {
    double bound = family.name().equals("gemma3n") ? 2 * QUANTIZED : QUANTIZED; // 22 layers
    compare(family.of(TensorType.Q4_0), false, bound, bound);
  }

  @ParameterizedTest
  @MethodSource("families")
  void exactWithAnAdapterOfEveryMatrix(FamilyCase family) throws IOException {
    compare(family.of(TensorType.F32), true, ofAll(family), ofOneToken(family));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void slopeOfTheLossIsTheGradientsLength(FamilyCase family) throws IOException {
    checkSlope(family.of(TensorType.F32));
  }

  /// Every 4-bit type with experts too; one file of mixed types, as gpt-oss is published.
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_1", "Q4_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"})
  void expertsOfEveryType(TensorType type) throws IOException {
    int width = Math.max(64, type.blockSize());
    RandomFamily family =
        new RandomFamily("qwen3moe", type)
            .put("expert_count", 4)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", width);
    compare(family, false, QUANTIZED, QUANTIZED);
    checkSlope(family);
  }

  @Test
  void mixedTypes() throws IOException {
    RandomFamily family =
        families()
            .filter(one -> one.name().equals("gpt-oss"))
            .findFirst()
            .orElseThrow()
            .of(TensorType.Q8_0);
    for (String role : List.of("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")) {
      family.type(role, TensorType.MXFP4);
    }
    compare(family, false, QUANTIZED, QUANTIZED);
    checkSlope(family);
  }

  /// Keys before the window are skipped, from block to block.
  @Test
  void windowsDontDependOnBlocks() throws IOException {
    int context = 200;
    Path file =
        new RandomFamily("gemma3", TensorType.F32)
            .tied()
            .put("attention.sliding_window", 40)
            .put("attention.sliding_window_pattern", 2)
            .write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.packedBatch(RandomFamily.VOCABULARY, 2, context, 9);
    double[] expected = gradients(file, batch, context);
    for (int block : List.of(7, 32)) {
      double error = ModelRun.relativeError(gradients(file, batch, block), expected);
      assertTrue(error < 1e-5, "blocks of " + block + ": relative error " + error);
    }
  }

  private double[] gradients(Path file, TokenBatch batch, int block) throws IOException {
    PassShape shape = new PassShape(batch.rows(), batch.context(), block, 64, 64);
    List<String> roles = ModelRun.roles(file);
    try (ModelRun run = ModelRun.adapted(file, roles, shape, 0)) {
      run.model.lossAndGradients(batch, 0);
      return ModelRun.widened(run.lora.gradients().downloadFloats());
    }
  }

  @Test
  void adaptersOfNormedEmbeddings() throws IOException {
    Path file = FamilyCase.named("muse-glimmer").of(TensorType.F32).write(folder.resolve("m.gguf"));
    DifferencesTest.checkSlope(file, List.of("token_embd", "attn_q"), RandomFamily.VOCABULARY);
  }

  private void checkSlope(RandomFamily family) throws IOException {
    Path file = family.write(folder.resolve("m.gguf"));
    DifferencesTest.checkSlope(file, ModelRun.roles(file), RandomFamily.VOCABULARY);
  }

  @Test
  void noFamilyIsLeftOut() {
    Set<String> tested =
        cases().map(family -> family.of(TensorType.F32).architecture()).collect(Collectors.toSet());
    assertEquals(Family.ALL.stream().map(Family::architecture).collect(Collectors.toSet()), tested);
  }

  /// @param bound of all logits together
  /// @param boundOfToken of the logits of each token
  private void compare(RandomFamily family, boolean adapted, double bound, double boundOfToken)
      throws IOException {
    Path file = family.write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 9);
    PassShape shape = new PassShape(1, CONTEXT, 16, 32, 20);
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = adapted ? RandomInputs.pairs(base, ModelRun.roles(file), 4, 5) : List.of();
    }
    LoraAdapter adapter =
        adapted ? new LoraAdapter(family.architecture(), (float) (4 * SCALING), pairs) : null;
    try (ModelRun run = new ModelRun(file, "cpu", adapter, shape, Precision.LLAMA, 0)) {
      float[][] expected = LlamaLogits.of(file, adapter, batch.tokens(), folder);
      float[][] actual = run.logits(batch);
      for (int i = 0; i < CONTEXT; i++) {
        double error = error(new float[][] {actual[i]}, new float[][] {expected[i]});
        assertTrue(error <= boundOfToken, "relative error of token " + i + " " + error);
      }
      double error = error(actual, expected);
      assertTrue(error <= bound, "relative error " + error);
    }
  }

  private static double error(float[][] actual, float[][] expected) {
    return ModelRun.relativeError(joined(actual), joined(expected));
  }

  private static double[] joined(float[][] rows) {
    return Arrays.stream(rows).map(ModelRun::widened).flatMapToDouble(Arrays::stream).toArray();
  }
}
