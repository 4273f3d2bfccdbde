package io.lorikeet.models.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds [ReferenceModel], and that [RandomModel] writes real models, against llama.cpp.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ReferenceLlamaTest {
  private static final int CONTEXT = 48;

  @TempDir Path folder;

  private record Case(String name, RandomModel model) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> shapes() {
    RandomModel yarn = RandomModel.of(TensorType.F32).ropeScaling("yarn", 4, 64).ropeBase(500);
    GgufValue factor = new GgufValue.Real(GgufType.FLOAT32, 1.25);
    return Stream.of(
        new Case("plain", RandomModel.of(TensorType.F32)),
        new Case("tied", RandomModel.of(TensorType.F32).tied()),
        new Case("biases", RandomModel.of(TensorType.F32).biases()),
        new Case("one key per head", RandomModel.of(TensorType.F32).heads(4, 4)),
        new Case("long heads", RandomModel.of(TensorType.F32).heads(4, 1).headSize(32)),
        new Case("factors", RandomModel.of(TensorType.F32).ropeFactors().ropeBase(500000)),
        new Case("no scaling", RandomModel.of(TensorType.F32).ropeScaling("none", 4, 64)),
        new Case("linear", RandomModel.of(TensorType.F32).ropeScaling("linear", 4, 64)),
        new Case("yarn", yarn.put("llama.rope.scaling.attn_factor", factor).ropeFactors()));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void logitsEqualThoseOfLlama(Case shape) throws IOException {
    Path path = shape.model().write(folder.resolve("model.gguf"));
    assertEquals(0, relativeError(path, null, List.of(), 0), 1e-5);
  }

  /// llama.cpp rounds activations to the weights' type, or to 8 bits for quantized ones; the
  /// reference doesn't.
  @ParameterizedTest
  @EnumSource(
      names = {
        "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
        "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"
      })
  void quantizedLogitsDifferByTheRoundingOfActivations(TensorType type) throws IOException {
    Path path = RandomModel.of(type).write(folder.resolve("model.gguf"));
    double bound = type == TensorType.F16 ? 1e-3 : type == TensorType.BF16 ? 1e-2 : 0.03;
    assertEquals(0, relativeError(path, null, List.of(), 0), bound);
  }

  @Test
  void adaptersActAsInLlama() throws IOException {
    Path path = RandomModel.of(TensorType.F32).biases().write(folder.resolve("model.gguf"));
    List<String> roles =
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
    List<LoraPair> pairs;
    try (GgufFile file = GgufFile.open(path)) {
      pairs = RandomInputs.pairs(file, roles, 4, 11);
    }
    assertEquals(16, pairs.size());
    Path adapter = folder.resolve("adapter.gguf");
    writeAdapter(adapter, pairs, 6);

    assertEquals(0, relativeError(path, adapter, pairs, 6.0 / 4), 1e-5);
    assertTrue(relativeError(path, adapter, pairs, 1.6) > 1e-3);
  }

  @Test
  void vocabularyIsUsable() throws IOException {
    Path path = RandomModel.of(TensorType.Q4_0).write(folder.resolve("model.gguf"));
    try (LlamaModel model = LlamaModel.load(path, LlamaModel.Options.VOCABULARY)) {
      assertEquals(400, model.vocabulary().size());
      String text = "the cat said \"hi\" \u00e9\n";
      int[] tokens = model.vocabulary().tokenize(text, false, false);
      assertEquals(text, model.vocabulary().detokenize(tokens, false, false));
      assertTrue(tokens.length < text.length());
    }
  }

  /// Distance of llama.cpp's logits from the reference's, as a share of the reference's.
  private double relativeError(Path path, Path adapter, List<LoraPair> pairs, double scaling)
      throws IOException {
    double[][] expected;
    TokenBatch batch = RandomInputs.plainBatch(400, CONTEXT, 3);
    try (GgufFile file = GgufFile.open(path)) {
      expected = ReferenceModel.of(file).run(batch, pairs, scaling).logits();
    }
    double[] sums = new double[2];
    try (LlamaModel model = LlamaModel.load(path, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, CONTEXT, CONTEXT, 1)) {
      if (adapter != null) {
        context.setAdapters(LlamaAdapter.load(model, adapter).scaledBy(1));
      }
      context.forEachLogits(
          batch.tokens(),
          (index, logits) -> {
            for (int i = 0; i < 400; i++) {
              double difference = logits.getAtIndex(ValueLayout.JAVA_FLOAT, i) - expected[index][i];
              sums[0] += difference * difference;
              sums[1] += expected[index][i] * expected[index][i];
            }
          });
    }
    return Math.sqrt(sums[0] / sums[1]);
  }

  private static void writeAdapter(Path path, List<LoraPair> pairs, float alpha)
      throws IOException {
    GgufWriter writer = new GgufWriter();
    Map.of("general.type", "adapter", "general.architecture", "llama", "adapter.type", "lora")
        .forEach(writer::putString);
    writer.putFloat32("adapter.lora.alpha", alpha);
    for (LoraPair pair : pairs) {
      boolean flipped = pair.baseTensor().equals("token_embd.weight");
      long[] a =
          flipped
              ? new long[] {pair.rank(), pair.inputs()}
              : new long[] {pair.inputs(), pair.rank()};
      writer.addTensor(pair.baseTensor() + ".lora_a", a, pair.a());
      writer.addTensor(
          pair.baseTensor() + ".lora_b", new long[] {pair.rank(), pair.outputs()}, pair.b());
    }
    writer.write(path);
  }
}
