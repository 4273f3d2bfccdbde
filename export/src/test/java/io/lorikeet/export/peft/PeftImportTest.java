package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import io.lorikeet.quant.InvalidInputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Folders made by hand as PEFT documents them ("PEFT checkpoint format"), and llama.cpp's results
/// with them once they are imported. The expected effect is computed here from PEFT's definition,
/// in Hugging Face's order of weights. It is put into the base's weights by the formula of
/// llama.cpp's converter.
@ExtendWith(LeakCheck.class)
class PeftImportTest {
  private static final int[] TOKENS = IntStream.range(0, 24).map(i -> 3 + 7 * i % 250).toArray();
  private static final int HEADS = 4; // RandomModel's
  private static final int KEY_VALUE_HEADS = 2;

  @TempDir private Path folder;
  private Path base;
  private final Map<String, Delta> deltas = new LinkedHashMap<>();
  private final Map<String, float[]> tensors = new LinkedHashMap<>();
  private final Map<String, int[]> shapes = new LinkedHashMap<>();
  private final SplittableRandom random = new SplittableRandom(5);

  /// The change of a weight in Hugging Face's order, `[outputs][inputs]`.
  private record Delta(double[][] values, int permutedHeads) {}

  @BeforeEach
  void writeBase() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
  }

  @Test
  void plain() throws IOException {
    for (int layer = 0; layer < 2; layer++) {
      addLayer(layer, 4, 8.0 / 4, "base_model.model.model.");
    }
    write(
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
    add(path + "layers.0.self_attn.q_proj", "blk.0.attn_q", 64, 64, HEADS, 3, 6 / Math.sqrt(3));
    add(path + "layers.1.self_attn.q_proj", "blk.1.attn_q", 64, 64, HEADS, 5, 6 / Math.sqrt(5));
    add(
        path + "layers.1.self_attn.k_proj",
        "blk.1.attn_k",
        64,
        32,
        KEY_VALUE_HEADS,
        3,
        -2 / Math.sqrt(3));
    add(path + "layers.0.mlp.down_proj", "blk.0.ffn_down", 128, 64, 0, 3, 7 / Math.sqrt(3));
    add(path + "layers.1.mlp.down_proj", "blk.1.ffn_down", 128, 64, 0, 3, 1.5 / Math.sqrt(3));
    write(
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
    addEmbedding(path + "model.embed_tokens", 3, 5.0 / 3);
    add(path + "lm_head", "output", 64, 400, 0, 3, 5.0 / 3);
    write("{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 5}");
    assertSameLogits();
  }

  private void addLayer(int layer, int rank, double scaling, String path) {
    String module = path + "layers." + layer + ".";
    String blk = "blk." + layer + ".";
    add(module + "self_attn.q_proj", blk + "attn_q", 64, 64, HEADS, rank, scaling);
    add(module + "self_attn.k_proj", blk + "attn_k", 64, 32, KEY_VALUE_HEADS, rank, scaling);
    add(module + "self_attn.v_proj", blk + "attn_v", 64, 32, 0, rank, scaling);
    add(module + "self_attn.o_proj", blk + "attn_output", 64, 64, 0, rank, scaling);
    add(module + "mlp.gate_proj", blk + "ffn_gate", 64, 128, 0, rank, scaling);
    add(module + "mlp.up_proj", blk + "ffn_up", 64, 128, 0, rank, scaling);
  }

  /// A module: lora_A `[rank, inputs]`, lora_B `[outputs, rank]`, and scaling · lora_B lora_A.
  private void add(
      String module,
      String tensor,
      int inputs,
      int outputs,
      int permutedHeads,
      int rank,
      double scaling) {
    float[] a = values(rank * inputs, 1 / Math.sqrt(inputs));
    float[] b = values(outputs * rank, 0.3);
    double[][] delta = new double[outputs][inputs];
    for (int o = 0; o < outputs; o++) {
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < rank; k++) {
          delta[o][i] += scaling * b[o * rank + k] * a[k * inputs + i];
        }
      }
    }
    deltas.put(tensor + ".weight", new Delta(delta, permutedHeads));
    put(module + ".lora_A.weight", a, rank, inputs);
    put(module + ".lora_B.weight", b, outputs, rank);
  }

  /// The embedding: lora_embedding_A `[rank, tokens]`, lora_embedding_B `[embedding, rank]`; token
  /// t gets scaling · `lora_embedding_B lora_embedding_A[:, t]`.
  private void addEmbedding(String module, int rank, double scaling) {
    int tokens = 400;
    float[] a = values(rank * tokens, 1);
    float[] b = values(64 * rank, 0.3);
    double[][] delta = new double[tokens][64];
    for (int t = 0; t < tokens; t++) {
      for (int e = 0; e < 64; e++) {
        for (int k = 0; k < rank; k++) {
          delta[t][e] += scaling * b[e * rank + k] * a[k * tokens + t];
        }
      }
    }
    deltas.put("token_embd.weight", new Delta(delta, 0));
    put(module + ".lora_embedding_A", a, rank, tokens);
    put(module + ".lora_embedding_B", b, 64, rank);
  }

  private float[] values(int count, double size) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (size * random.nextGaussian());
    }
    return values;
  }

  private void put(String name, float[] values, int... shape) {
    tensors.put(name, values);
    shapes.put(name, shape);
  }

  /// A safetensors file byte by byte, as its specification has it, and the configuration.
  private void write(String config) throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
      int[] shape = shapes.get(tensor.getKey());
      int begin = data.size();
      ByteBuffer bytes =
          ByteBuffer.allocate(4 * tensor.getValue().length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(tensor.getValue());
      data.writeBytes(bytes.array());
      header.append(
          ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%d,%d]}"
              .formatted(tensor.getKey(), shape[0], shape[1], begin, data.size()));
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer all =
        ByteBuffer.allocate(8 + json.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(json.length).put(json).put(data.toByteArray());
    Path peft = Files.createDirectories(folder.resolve("peft"));
    Files.write(peft.resolve("adapter_model.safetensors"), all.array());
    Files.writeString(peft.resolve("adapter_config.json"), config);
  }

  private void assertSameLogits() throws IOException {
    Path adapter = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      PeftImporter.Imported imported = PeftImporter.read(folder.resolve("peft"), gguf);
      assertEquals(AdapterStorage.F32, imported.storage());
      assertEquals(deltas.size(), imported.adapter().pairs().size());
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

  /// The base with the deltas in its weights.
  private Path mergedBase() throws IOException {
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      GgufWriter writer = new GgufWriter().copyMetadata(gguf.metadata());
      for (GgufTensor tensor : gguf.tensors()) {
        float[] values = Dequantized.floats(gguf, tensor.name());
        Delta delta = deltas.get(tensor.name());
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
  private static void addTo(float[] weight, Delta delta) {
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

  @Test
  void namesAllThatGgufCantSay() throws IOException {
    String path = "base_model.model.model.";
    addLayer(0, 2, 1, path);
    tensors.remove(path + "layers.0.mlp.up_proj.lora_B.weight");
    put(path + "layers.0.self_attn.q_proj.lora_magnitude_vector", new float[64], 64, 1);
    put("base_model.model.lm_head.weight", new float[64 * 400], 400, 64);
    put(path + "layers.9.self_attn.q_proj.lora_A.weight", new float[128], 2, 64);
    put(path + "layers.9.self_attn.q_proj.lora_B.weight", new float[128], 64, 2);
    put(path + "layers.1.self_attn.v_proj.lora_A.weight", new float[126], 2, 63);
    put(path + "layers.1.self_attn.v_proj.lora_B.weight", new float[64], 32, 2);
    put(path + "layers.0.self_attn.o_proj.lora_B.bias", new float[64], 64, 1);
    tensors.get(path + "layers.0.self_attn.k_proj.lora_A.weight")[3] = Float.NaN;
    write(
        """
        {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "use_dora": true,
         "modules_to_save": ["lm_head"], "init_lora_weights": "pissa_niter_4"}
        """);
    assertRefused(
        "use_dora",
        "modules_to_save: whole weights of lm_head",
        "import --merge-into",
        "pissa_niter_4",
        "layers.0.mlp.up_proj: lora_B is missing",
        "lora_magnitude_vector is a weight's magnitude",
        "lm_head.weight is a whole weight",
        "layers.9.self_attn.q_proj is not in the base",
        "has the shape [2, 63], and should have [2, 64]",
        "lora_B.bias is a bias",
        "holds NaN, first as element 3");
  }

  /// Parts of models whose modules end like the language model's.
  @Test
  void namesOtherPartsThanTheLanguageModel() throws IOException {
    for (String path :
        List.of(
            "base_model.model.model.vision_tower.vision_model.encoder",
            "base_model.model.vision_tower.vision_model.encoder",
            "base_model.model.model.audio_tower",
            "base_model.model.thinker.audio_tower",
            "base_model.model.talker.model",
            "base_model.model.mtp",
            "base_model.model.model.multi_modal_projector.model",
            "vision_tower")) {
      tensors.clear();
      addLayer(0, 2, 1, path + ".");
      write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2}");
      assertRefused(
          path.replace("base_model.model.", "")
              + ".layers holds 12 tensors of another part than the language model");
    }
    tensors.clear();
    put("base_model.model.model.visual.merger.lora_A.weight", new float[128], 2, 64);
    put("base_model.model.model.vision_tower.norm.weight", new float[64], 1, 64);
    put(
        "base_model.model.mtp.layers.0.self_attn.q_proj.lora_magnitude_vector",
        new float[64],
        64,
        1);
    write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2}");
    assertRefused(
        "visual.merger.lora_A.weight is none",
        "vision_tower.norm.weight is none",
        "mtp.layers holds 1 tensors");
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
      tensors.clear();
      deltas.clear();
      addLayer(1, 2, 3.0 / 2, path);
      write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 3}");
      assertSameLogits();
    }
  }

  @Test
  void ranksAreThoseOfTheConfiguration() throws IOException {
    addLayer(0, 4, 1, "base_model.model.model.");
    write("{\"peft_type\": \"LORA\", \"r\": 8, \"lora_alpha\": 4}");
    assertRefused("layers.0.self_attn.q_proj has rank 4, but adapter_config.json says 8");
    write(
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4, \"rank_pattern\": {\"k_proj\": 2}}");
    assertRefused("layers.0.self_attn.k_proj has rank 4, but adapter_config.json says 2");
  }

  @Test
  void valuesHaveTheTypesOfPeft() throws IOException {
    addLayer(0, 4, 1, "base_model.model.model.");
    write("{\"peft_type\": \"LORA\"}");
    assertRefused(
        "r is missing, and should be a whole number above 0",
        "lora_alpha is missing, and should be a number other than 0");
    String right = "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4";
    for (String wrong :
        List.of(
            "\"use_rslora\": \"yes\"",
            "\"use_dora\": 1",
            "\"fan_in_fan_out\": \"false\"",
            "\"bias\": false",
            "\"modules_to_save\": \"lm_head\"",
            "\"target_modules\": {\"q_proj\": 1}",
            "\"target_modules\": [\"q_proj\", 1]",
            "\"layers_to_transform\": \"all\"",
            "\"layers_to_transform\": [0.5]",
            "\"rank_pattern\": [4]",
            "\"rank_pattern\": {\"q_proj\": 4.5}",
            "\"rank_pattern\": {\"q_proj\": 0}",
            "\"alpha_pattern\": {\"q_proj\": \"4\"}",
            "\"lora_dropout\": \"0.1\"",
            "\"init_lora_weights\": 1")) {
      write("{" + right + ", " + wrong + "}");
      String key = wrong.substring(1, wrong.indexOf('"', 1));
      assertRefused("adapter_config.json: " + key + " is ", "and should be ");
    }
    for (String wrong : List.of("0", "-4", "4.0", "\"4\"", "true", "99999999999")) {
      write("{\"peft_type\": \"LORA\", \"lora_alpha\": 4, \"r\": " + wrong + "}");
      assertRefused("r is " + wrong + ", and should be a whole number above 0");
    }
    for (String wrong : List.of("0", "\"4\"", "1e999")) {
      write("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": " + wrong + "}");
      assertRefused("lora_alpha is ", "and should be a number other than 0");
    }
    write("{" + right + ", \"lora_dropout\": NaN}");
    assertRefused("isn't valid JSON, at line 1, column");
    write("{" + right + ", \"r\": 8}");
    assertRefused("isn't valid JSON");
    write(
        "{"
            + right
            + ", \"use_rslora\": null, \"modules_to_save\": null, \"unsloth_fixed\": true}");
    assertSameLogits();
  }

  @Test
  void namesMethodsThatComputeSomethingElse() throws IOException {
    addLayer(0, 4, 1, "base_model.model.model.");
    write(
        """
        {"peft_type": "LORA", "r": 4, "lora_alpha": 4, "bias": "all", "use_qalora": true,
         "lora_bias": true, "kasa_config": {"beta": 1}, "use_bdlora": {"nblocks": 2},
         "target_parameters": ["a"], "layer_replication": [[0, 1]],
         "trainable_token_indices": {"embed_tokens": [1]}, "init_lora_weights": "lora_ga"}
        """);
    assertRefused(
        "bias 'all'",
        "use_qalora",
        "lora_bias",
        "kasa_config",
        "use_bdlora",
        "target_parameters",
        "layer_replication",
        "trainable_token_indices",
        "init_lora_weights 'lora_ga'");
  }

  /// Where GGUF's one alpha isn't enough, B is another one than PEFT's, and training on differs.
  @Test
  void otherParametersThanPeftsAreMarked() throws IOException {
    String path = "base_model.model.model.";
    addLayer(0, 4, 2, path);
    write("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4, \"use_rslora\": true}");
    assertEquals(Optional.empty(), parametrization());
    write(
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"alpha_pattern\": {\"k_proj\": 4}}");
    assertEquals(Optional.of("of 1 of 6 weights other than PEFT's"), parametrization());
  }

  private Optional<String> parametrization() throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      return Optional.ofNullable(
          PeftImporter.read(folder.resolve("peft"), gguf)
              .training()
              .get(AdapterMetadata.PARAMETRIZATION));
    }
  }

  @Test
  void refusesOtherFolders() throws IOException {
    Path peft = Files.createDirectories(folder.resolve("peft"));
    assertRefused("has no adapter_config.json");
    Files.writeString(peft.resolve("config.json"), "{}");
    assertRefused("is a whole model: 'lorikeet convert");
    Path config = peft.resolve("adapter_config.json");
    Files.writeString(config, "{\"peft_type\": \"IA3\"}");
    assertRefused("'IA3'");
    Files.writeString(config, "{\"peft_type\": ");
    assertRefused("isn't valid JSON");
    Files.writeString(config, "[]");
    assertRefused("isn't a JSON object");
    Files.writeString(config, "{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 1}");
    assertRefused("has no adapter_model.safetensors");
    Files.write(peft.resolve("adapter_model.bin"), new byte[3]);
    assertRefused("safe_serialization=True");
    Files.writeString(peft.resolve("adapters.safetensors"), "");
    assertRefused("is an adapter of MLX");
    Files.delete(peft.resolve("adapters.safetensors"));
    write("{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 1}");
    assertRefused("no pair of matrices");
  }

  private void assertRefused(String... words) throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      InvalidInputException refused =
          assertThrows(
              InvalidInputException.class, () -> PeftImporter.read(folder.resolve("peft"), gguf));
      for (String word : words) {
        assertTrue(
            refused.getMessage().contains(word), () -> word + " in: " + refused.getMessage());
      }
    }
  }
}
