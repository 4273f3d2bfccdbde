package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.Dequantized;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Folders made by hand as PEFT documents them ("PEFT checkpoint format"), and llama.cpp's results
/// with them once they are imported. The expected effect is computed here from PEFT's definition,
/// in Hugging Face's order of weights. It is put into the base's weights by the formula of
/// llama.cpp's converter.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class PeftImportTest {
  private static final int[] TOKENS = IntStream.range(0, 24).map(i -> 3 + 7 * i % 250).toArray();

  @TempDir private Path folder;
  private Path base;
  private PeftFolder peft;

  @BeforeEach
  void writeBase() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    peft = new PeftFolder(folder.resolve("peft"));
  }

  @Test
  void plain() throws IOException {
    for (int layer = 0; layer < 2; layer++) {
      peft.addLayer(layer, 4, 8.0 / 4, "base_model.model.model.");
    }
    peft.write(
        """
        {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8,
         "lora_dropout": 0.05, "bias": "none", "use_rslora": false, "modules_to_save": null,
         "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"]}
        """);
    assertSameLogits();
  }

  @Test
  void everyModuleAtItsOwnRankAndAlpha() throws IOException {
    String path = "base_model.model.language_model.model."; // as in models that see
    peft.add(
        path + "layers.0.self_attn.q_proj",
        "blk.0.attn_q",
        64,
        64,
        PeftFolder.HEADS,
        3,
        6 / Math.sqrt(3));
    peft.add(
        path + "layers.1.self_attn.q_proj",
        "blk.1.attn_q",
        64,
        64,
        PeftFolder.HEADS,
        5,
        6 / Math.sqrt(5));
    peft.add(
        path + "layers.1.self_attn.k_proj",
        "blk.1.attn_k",
        64,
        32,
        PeftFolder.KEY_VALUE_HEADS,
        3,
        -2 / Math.sqrt(3));
    peft.add(path + "layers.0.mlp.down_proj", "blk.0.ffn_down", 128, 64, 0, 3, 7 / Math.sqrt(3));
    peft.add(path + "layers.1.mlp.down_proj", "blk.1.ffn_down", 128, 64, 0, 3, 1.5 / Math.sqrt(3));
    peft.write(
        """
        {"peft_type": "LORA", "r": 3, "lora_alpha": 6, "use_rslora": true,
         "rank_pattern": {"layers.1.self_attn.q_proj": 5},
         "alpha_pattern": {"layers\\\\.1.*down_proj": 1.5, "down_proj": 7, "k_proj": -2}}
        """);
    assertSameLogits();
  }

  @Test
  void embeddingAndHead() throws IOException {
    String path = "base_model.model.";
    peft.addEmbedding(path + "model.embed_tokens", 3, 5.0 / 3);
    peft.add(path + "lm_head", "output", 64, 400, 0, 3, 5.0 / 3);
    peft.write("{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 5}");
    assertSameLogits();
  }

  @Test
  void takesEveryPathToTheLanguageModel() throws IOException {
    for (String path :
        List.of(
            "",
            "model.",
            "base_model.model.",
            "base_model.model.model.",
            "base_model.model.language_model.",
            "base_model.model.language_model.model.",
            "base_model.model.model.language_model.",
            "base_model.model.model.text_model.",
            "base_model.model.thinker.model.")) {
      peft.clear();
      peft.addLayer(1, 2, 3.0 / 2, path);
      peft.write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 3}");
      assertSameLogits();
    }
  }

  @Test
  void keysOfOtherToolsAreTaken() throws IOException {
    peft.addLayer(0, 4, 1, "base_model.model.model.");
    peft.write(
        """
        {"peft_type": "LORA", "r": 4, "lora_alpha": 4, "use_rslora": null,
         "modules_to_save": null, "unsloth_fixed": true}
        """);
    assertSameLogits();
  }

  /// Where GGUF's one alpha isn't enough, B is another one than PEFT's, and training on differs.
  @Test
  void otherParametersThanPeftsAreMarked() throws IOException {
    String path = "base_model.model.model.";
    peft.addLayer(0, 4, 2, path);
    peft.write("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4, \"use_rslora\": true}");
    assertEquals(Optional.empty(), parametrization());
    peft.write(
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"alpha_pattern\": {\"k_proj\": 4}}");
    assertEquals(Optional.of("of 1 of 6 weights other than PEFT's"), parametrization());
  }

  private Optional<String> parametrization() throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      return Optional.ofNullable(
          PeftImporter.read(peft.path(), gguf).training().get(AdapterMetadata.PARAMETRIZATION));
    }
  }

  private void assertSameLogits() throws IOException {
    Path adapter = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      PeftImporter.Imported imported = PeftImporter.read(peft.path(), gguf);
      assertEquals(AdapterStorage.F32, imported.storage());
      assertEquals(peft.deltas().size(), imported.adapter().pairs().size());
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(gguf), imported.training());
      AdapterExporter.write(imported.adapter(), metadata, adapter);
    }
    float[] alone = logits(base, null);
    float[] expected = logits(mergedBase(), null);
    float[] actual = logits(base, adapter);
    double effect = distance(alone, expected);
    double difference = distance(actual, expected);
    assertTrue(effect > 0.1, "effect " + effect);
    assertTrue(difference < 1e-5 * effect, difference + " of " + effect);
  }

  /// The base with the peft.deltas() in its weights.
  private Path mergedBase() throws IOException {
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      GgufWriter writer = new GgufWriter().copyMetadata(gguf.metadata());
      for (GgufTensor tensor : gguf.tensors()) {
        float[] values = Dequantized.floats(gguf, tensor.name());
        PeftFolder.Delta delta = peft.deltas().get(tensor.name());
        if (delta != null) {
          addTo(values, delta);
        }
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        writer.addTensor(tensor.name(), shape, values);
      }
      writer.write(merged);
    }
    return merged;
  }

  /// Where rows are permuted: `w.reshape(heads, 2, rows / heads / 2, columns).swapaxes(1, 2)`.
  private static void addTo(float[] weight, PeftFolder.Delta delta) {
    int rows = delta.values().length;
    int columns = delta.values()[0].length;
    List<double[]> ordered = new ArrayList<>();
    if (delta.permutedHeads() == 0) {
      ordered.addAll(List.of(delta.values()));
    } else {
      int half = rows / delta.permutedHeads() / 2;
      for (int head = 0; head < delta.permutedHeads(); head++) {
        for (int i = 0; i < half; i++) {
          for (int part = 0; part < 2; part++) {
            ordered.add(delta.values()[(head * 2 + part) * half + i]);
          }
        }
      }
    }
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        weight[row * columns + column] += (float) ordered.get(row)[column];
      }
    }
  }

  private static float[] logits(Path model, Path adapter) {
    try (LlamaModel llama = LlamaModel.load(model, new LlamaModel.Options(false, 0, false))) {
      LlamaContext context = LlamaContext.create(llama, TOKENS.length, TOKENS.length, 1);
      if (adapter != null) {
        context.setAdapters(LlamaAdapter.load(llama, adapter).scaledBy(1));
      }
      context.decode(TOKENS);
      return context.logits();
    }
  }

  private static double distance(float[] first, float[] second) {
    double sum = 0;
    for (int i = 0; i < first.length; i++) {
      sum += Math.pow(first[i] - second[i], 2);
    }
    return Math.sqrt(sum);
  }
}
