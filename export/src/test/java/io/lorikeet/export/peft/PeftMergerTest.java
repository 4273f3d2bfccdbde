package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.Dequantized;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/// Folders made by hand, merged, and what llama.cpp computes with the merged file: the same as the
/// reference with the weights that PEFT's formulas give, computed here in `double`.
@ExtendWith(LeakCheck.class)
class PeftMergerTest {
  private static final int[] TOKENS = IntStream.range(0, 24).map(i -> 3 + 7 * i % 250).toArray();
  private static final String PATH = "base_model.model.model.";
  private static final int HEADS = 4; // RandomModel's
  private static final int RANK = 3;
  private static final double SCALING = 6.0 / RANK;

  @TempDir private Path folder;
  private final SafetensorsWriter tensors = new SafetensorsWriter();
  private final Map<String, double[]> weights = new HashMap<>();
  private final SplittableRandom random = new SplittableRandom(9);

  @Test
  void magnitudesAndWholeWeights() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      gguf.tensors().forEach(t -> weights.put(t.name(), Dequantized.doubles(gguf, t.name())));
      replace("lm_head.weight", "output.weight", 400, 64);
      replace("model.embed_tokens.modules_to_save.default.weight", "token_embd.weight", 400, 64);
      replace("model.norm.weight", "output_norm.weight", 64);
      replace("model.layers.1.input_layernorm.weight", "blk.1.attn_norm.weight", 64);
      adapt("layers.0.self_attn.q_proj", "blk.0.attn_q.weight", 64, 64, HEADS, true);
      adapt("layers.1.self_attn.v_proj", "blk.1.attn_v.weight", 64, 32, 0, true);
      adapt("layers.0.mlp.down_proj", "blk.0.ffn_down.weight", 128, 64, 0, true);
      writeFolder(", \"use_dora\": true, \"modules_to_save\": [\"lm_head\", \"embed_tokens\"]");
      PeftMerger.PeftMergeReport report = PeftMerger.merge(peft(), gguf, merged, 1, (_, _) -> {});
      assertEquals(new PeftMerger.PeftMergeReport(3, 3, 4, gguf.tensors().size() - 7), report);
      assertLlamaComputesTheWeights(gguf, merged);
    }
  }

  @Test
  void pairsAlone() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      gguf.tensors().forEach(t -> weights.put(t.name(), Dequantized.doubles(gguf, t.name())));
      adapt("layers.0.self_attn.q_proj", "blk.0.attn_q.weight", 64, 64, HEADS, false);
      adapt("layers.0.mlp.down_proj", "blk.0.ffn_down.weight", 128, 64, 0, false);
      writeFolder("");
      Files.writeString(peft().resolve("chat_template.jinja"), "{{ bos_token }}");
      PeftMerger.merge(peft(), gguf, merged, 1, (_, _) -> {});
      assertLlamaComputesTheWeights(gguf, merged);
      try (GgufFile file = GgufFile.open(merged)) {
        assertEquals("{{ bos_token }}", file.metadata().requireString("tokenizer.chat_template"));
      }
    }
  }

  @Test
  void keepsTypesAndRefusesWhatDoesNotFit() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      gguf.tensors().forEach(t -> weights.put(t.name(), Dequantized.doubles(gguf, t.name())));
      adapt("layers.0.self_attn.q_proj", "blk.0.attn_q.weight", 64, 64, HEADS, true);
      writeFolder(", \"use_dora\": true");
      PeftMerger.merge(peft(), gguf, merged, 1, (_, _) -> {});
      try (GgufFile result = GgufFile.open(merged)) {
        for (GgufTensor tensor : gguf.tensors()) {
          GgufTensor now = result.tensor(tensor.name()).orElseThrow();
          assertEquals(tensor.type(), now.type(), tensor.name());
          boolean same = gguf.data(tensor).mismatch(result.data(now)) < 0;
          assertEquals(!tensor.name().equals("blk.0.attn_q.weight"), same, tensor.name());
        }
      }
      assertRefused(() -> PeftImporter.read(peft(), gguf), "--merge-into", "use_dora", "magnitude");

      Files.delete(merged);
      adapt("layers.1.self_attn.q_proj", "blk.1.attn_q.weight", 64, 64, HEADS, false);
      replace("model.layers.0.self_attn.rotary.weight", "output_norm.weight", 64);
      tensors.addTensor(PATH + "norm.weight", new long[] {63}, new float[63]);
      writeFolder(", \"use_dora\": true, \"modules_to_save\": [\"lm_head\"]");
      assertRefused(
          () -> PeftMerger.merge(peft(), gguf, merged, 1, (_, _) -> {}),
          "layers.1.self_attn.q_proj: lora_magnitude_vector is missing",
          "rotary.weight has no place in the base",
          "norm.weight has the shape [63]",
          "modules_to_save names lm_head");
      assertFalse(Files.exists(merged));
    }
  }

  private static void assertRefused(Executable action, String... words) {
    String message = assertThrows(InvalidInputException.class, action).getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), () -> word + " in: " + message);
    }
  }

  private Path peft() {
    return folder.resolve("peft");
  }

  private void writeFolder(String more) throws IOException {
    Files.createDirectories(peft());
    tensors.write(peft().resolve("adapter_model.safetensors"));
    Files.writeString(
        peft().resolve("adapter_config.json"),
        "{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 6" + more + "}");
  }

  private float[] values(int count, double mean, double spread) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (mean + spread * random.nextGaussian());
    }
    return values;
  }

  private void replace(String name, String tensor, long... shape) {
    int count = (int) (shape[0] * (shape.length == 2 ? shape[1] : 1));
    float[] values = shape.length == 2 ? values(count, 0, 0.1) : values(count, 1, 0.1);
    tensors.addTensor("base_model.model." + name, shape, values);
    double[] weight = weights.get(tensor);
    for (int i = 0; i < count; i++) {
      weight[i] = values[i];
    }
  }

  /// W' = m · (W + s · B A) / ‖W + s · B A‖, row by row of Hugging Face's order.
  private void adapt(
      String module, String tensor, int inputs, int outputs, int heads, boolean magnitudes) {
    float[] a = values(RANK * inputs, 0, 1 / Math.sqrt(inputs));
    float[] b = values(outputs * RANK, 0, 0.3);
    float[] m = values(outputs, 1.5, 0.3);
    tensors.addTensor(PATH + module + ".lora_A.weight", new long[] {RANK, inputs}, a);
    tensors.addTensor(PATH + module + ".lora_B.weight", new long[] {outputs, RANK}, b);
    if (magnitudes) {
      tensors.addTensor(PATH + module + ".lora_magnitude_vector", new long[] {outputs}, m);
    }
    double[] weight = weights.get(tensor);
    for (int row = 0; row < outputs; row++) {
      int start = inFile(row, outputs, heads) * inputs;
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < RANK; k++) {
          weight[start + i] += SCALING * b[row * RANK + k] * a[k * inputs + i];
        }
        squares += weight[start + i] * weight[start + i];
      }
      for (int i = 0; magnitudes && i < inputs; i++) {
        weight[start + i] *= m[row] / Math.sqrt(squares);
      }
    }
  }

  /// llama.cpp's converter puts the halves of a head's rows between each other.
  private static int inFile(int row, int outputs, int heads) {
    if (heads == 0) {
      return row;
    }
    int size = outputs / heads;
    int head = row / size;
    int part = row % size / (size / 2);
    int i = row % (size / 2);
    return head * size + 2 * i + part;
  }

  private void assertLlamaComputesTheWeights(GgufFile base, Path merged) {
    double[] expected =
        new ReferenceModel(ReferenceModel.of(base).config(), weights)
            .run(RandomInputs.plainBatch(TOKENS), List.of(), 1)
            .logits()[TOKENS.length - 1];
    double effect = distance(logits(base.path()), expected);
    double difference = distance(logits(merged), expected);
    assertTrue(effect > 0.1, "effect " + effect);
    assertTrue(difference < 1e-5 * effect, difference + " of " + effect);
  }

  private static float[] logits(Path model) {
    try (LlamaModel llama = LlamaModel.load(model, new LlamaModel.Options(false, 0, false))) {
      LlamaContext context = LlamaContext.create(llama, TOKENS.length, TOKENS.length, 1);
      context.decode(TOKENS);
      return context.logits();
    }
  }

  private static double distance(float[] first, double[] second) {
    double sum = 0;
    for (int i = 0; i < second.length; i++) {
      sum += Math.pow(first[i] - second[i], 2);
    }
    return Math.sqrt(sum);
  }
}
