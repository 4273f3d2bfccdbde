package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.SafetensorsWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class ModelConverterTest {
  @TempDir Path folder;

  private Path output;

  @BeforeEach
  void nameOutput() {
    output = folder.resolve("out.gguf");
  }

  private GgufFile convert(TinyFolder model, String type) throws IOException {
    convert(model.write(), type);
    return GgufFile.open(output);
  }

  private void convert(Path model, String type) throws IOException {
    ModelConverter.convert(model, output, Optional.ofNullable(type), 1, _ -> {});
  }

  private TinyFolder tiny(String architecture) {
    return new TinyFolder(folder.resolve("tiny-llama"), architecture);
  }

  private static float[] floats(GgufFile file, String name) {
    GgufTensor tensor = file.tensor(name).orElseThrow(() -> new AssertionError("no " + name));
    assertEquals(TensorType.F32, tensor.type(), name);
    return file.data(tensor).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  @Test
  void llamaHasLlamaCppsNamesAndOrderOfRows() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    try (GgufFile file = convert(tiny, "F32")) {
      assertEquals(List.of(32L, 260L), file.tensor("token_embd.weight").orElseThrow().shape());
      assertEquals(3 + 2 * 9, file.tensors().size());
      assertArrayEquals(
          tiny.values.get("model.layers.1.mlp.down_proj.weight"),
          floats(file, "blk.1.ffn_down.weight"));
      assertArrayEquals(
          tiny.values.get("model.layers.0.post_attention_layernorm.weight"),
          floats(file, "blk.0.ffn_norm.weight"));
      // Rows of a head of 8: 0 4 1 5 2 6 3 7.
      float[] stored = tiny.values.get("model.layers.1.self_attn.k_proj.weight");
      float[] written = floats(file, "blk.1.attn_k.weight");
      int[] order = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
      for (int row = 0; row < order.length; row++) {
        assertArrayEquals(
            Arrays.copyOfRange(stored, order[row] * 32, order[row] * 32 + 32),
            Arrays.copyOfRange(written, row * 32, row * 32 + 32),
            "row " + row);
      }
      assertEquals("llama", file.metadata().requireString("general.architecture"));
      assertEquals("Tiny Llama", file.metadata().requireString("general.name"));
      // 2·260·32 + 32 + 2·(2·32 + 2·1024 + 2·512 + 3·2048) = 35,232
      assertEquals("35K", file.metadata().requireString("general.size_label"));
      assertEquals(0, file.metadata().requireInteger("general.file_type"));
      assertEquals(8, file.metadata().requireInteger("llama.rope.dimension_count"));
      assertEquals(10000, file.metadata().requireReal("llama.rope.freq_base"));
      assertEquals(2, file.metadata().requireInteger("llama.attention.head_count_kv"));
      assertEquals("gpt2", file.metadata().requireString("tokenizer.ggml.model"));
      assertEquals("llama-bpe", file.metadata().requireString("tokenizer.ggml.pre"));
      assertEquals(List.of("a b"), file.metadata().requireStrings("tokenizer.ggml.merges"));
      assertEquals(257, file.metadata().requireInteger("tokenizer.ggml.bos_token_id"));
      assertEquals(258, file.metadata().requireInteger("tokenizer.ggml.eos_token_id"));
      assertTrue(file.metadata().requireBool("tokenizer.ggml.add_bos_token"));
    }
  }

  @Test
  void llamaCppComputesWithIt() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    for (String type : List.of("F32", "BF16", "Q8_0", "Q4_0")) {
      convert(tiny.write(), type);
      try (LlamaModel model = LlamaModel.load(output, LlamaModel.Options.CPU);
          LlamaContext context = LlamaContext.create(model, 32, 32, 1)) {
        int[] tokens = model.vocabulary().tokenize("abc cab", true, false);
        assertEquals(257, tokens[0]);
        assertEquals(256, tokens[1]); // "ab"
        context.decode(tokens);
        for (float logit : context.logits()) {
          assertTrue(Float.isFinite(logit));
        }
      }
    }
    assertOnly("out.gguf", "tiny-llama");
  }

  /// llama.cpp looks for Phi 3's tokens in a model whose name has "phi3" in it.
  @Test
  void whateverTheFolderIsCalledLlamaCppLoadsIt() throws IOException {
    for (String name : List.of("hf_phi3", "my/phi3-of-mine")) {
      TinyFolder tiny = tiny("LlamaForCausalLM");
      tiny.config.put("_name_or_path", name);
      try (GgufFile file = convert(tiny, "F32")) {
        assertEquals(Optional.empty(), file.metadata().string("general.name"));
        ModelLoader.load(file, LlamaModel.Options.CPU).close();
      }
    }
  }

  @Test
  void theCardsLicenceAndModelsAreKept() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    Path card = tiny.write().resolve("README.md");
    Files.writeString(
        card,
        "---\nlicense: other\nlicense_name: bird-1\nlicense_link: LICENSE\nbase_model:\n"
            + "- nest/Egg-7B-v2\n- Stone\ntags: [a]\n---\n# Card\n");
    try (GgufFile file = convert(tiny, "F32")) {
      assertEquals("other", file.metadata().requireString("general.license"));
      assertEquals("bird-1", file.metadata().requireString("general.license.name"));
      assertEquals("LICENSE", file.metadata().requireString("general.license.link"));
      assertEquals(2, file.metadata().requireInteger("general.base_model.count"));
      assertEquals("Egg 7B v2", file.metadata().requireString("general.base_model.0.name"));
      assertEquals(
          "https://huggingface.co/nest/Egg-7B-v2",
          file.metadata().requireString("general.base_model.0.repo_url"));
      assertEquals("Stone", file.metadata().requireString("general.base_model.1.name"));
    }
    for (String other : List.of("# No YAML", "---\nlicense: [\n---\n", "---\nlicense: 3\n---\n")) {
      Files.writeString(card, other);
      try (GgufFile file = convert(tiny, "F32")) {
        assertEquals(Optional.empty(), file.metadata().string("general.license"));
      }
    }
  }

  private void assertOnly(String... names) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of(names), files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void keepsNormsAndVectorsInF32() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.add("model.layers.0.self_attn.q_proj.bias", 32);
    try (GgufFile file = convert(tiny, "Q8_0")) {
      assertEquals(TensorType.Q8_0, file.tensor("blk.0.attn_q.weight").orElseThrow().type());
      assertEquals(TensorType.Q8_0, file.tensor("token_embd.weight").orElseThrow().type());
      assertEquals(TensorType.F32, file.tensor("blk.0.attn_norm.weight").orElseThrow().type());
      float[] stored = tiny.values.get("model.layers.0.self_attn.q_proj.bias");
      float[] written = floats(file, "blk.0.attn_q.bias");
      assertEquals(stored[4], written[1]);
      assertEquals(7, file.metadata().requireInteger("general.file_type"));
    }
  }

  @Test
  void theTypeOfTheWeightsIsTheDefault() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    convert(tiny.writeAsBf16(), null);
    try (GgufFile file = GgufFile.open(output)) {
      GgufTensor tensor = file.tensor("blk.0.attn_v.weight").orElseThrow();
      assertEquals(TensorType.BF16, tensor.type());
      short[] bits = file.data(tensor).toArray(ValueLayout.JAVA_SHORT_UNALIGNED);
      float[] stored = tiny.values.get("model.layers.0.self_attn.v_proj.weight");
      for (int i = 0; i < bits.length; i++) {
        assertEquals(stored[i], Float.intBitsToFloat(bits[i] << 16));
      }
    }
    try (GgufFile file = convert(tiny, null)) {
      assertEquals(TensorType.F16, file.tensor("blk.0.attn_v.weight").orElseThrow().type());
    }
  }

  /// Numbers from llama.cpp's converter for these settings.
  @Test
  void writesTheFactorsOfLlama3() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.config.put("head_dim", 8);
    tiny.config
        .putObject("rope_parameters")
        .put("rope_type", "llama3")
        .put("rope_theta", 500000.0)
        .put("factor", 8.0)
        .put("low_freq_factor", 1.0)
        .put("high_freq_factor", 4.0)
        .put("original_max_position_embeddings", 1024);
    try (GgufFile file = convert(tiny, "F32")) {
      // Wavelengths 6.28, 167, 4443 and 118143 against 256 and 1024.
      assertArrayEquals(new float[] {1, 1, 8, 8}, floats(file, "rope_freqs.weight"));
      assertEquals(500000, file.metadata().requireReal("llama.rope.freq_base"));
      assertEquals(8, file.metadata().requireInteger("llama.attention.key_length"));
    }
    Config scaling = new Config(folder, tiny.config.path("rope_parameters"));
    Rope rope = new Rope(500000, OptionalDouble.empty(), "llama3", scaling);
    float[] of128 = LlamaFamily.llama3Factors(rope, 128);
    // i = 20: wave 2π·500000^(40/128) = 379.4, smooth = (1024/379.4 - 1)/3 = 0.5664
    double wave = 2 * Math.PI * Math.pow(500000, 40 / 128.0);
    double smooth = (1024 / wave - 1) / 3;
    assertEquals(1 / ((1 - smooth) / 8 + smooth), of128[20], 1e-5);
    assertEquals(1, of128[0]);
    assertEquals(8, of128[63]);
  }

  @Test
  void tiedEmbeddingsMayBeStoredAsHead() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.config.put("tie_word_embeddings", true);
    tiny.remove("embed_tokens");
    try (GgufFile file = convert(tiny, "F32")) {
      assertArrayEquals(tiny.values.get("lm_head.weight"), floats(file, "token_embd.weight"));
      assertTrue(file.tensor("output.weight").isEmpty());
    }
    tiny.config.put("tie_word_embeddings", false);
    assertRefused(tiny, "no model.embed_tokens.weight");
  }

  @Test
  void aTiedModelHasNoOtherHead() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.config.put("tie_word_embeddings", true);
    assertRefused(tiny, "lm_head.weight differs from model.embed_tokens.weight");
    tiny.values.put("lm_head.weight", tiny.values.get("model.embed_tokens.weight"));
    try (GgufFile file = convert(tiny, "F32")) {
      assertArrayEquals(
          tiny.values.get("model.embed_tokens.weight"), floats(file, "token_embd.weight"));
    }
  }

  @Test
  void qwenIsNotPermuted() throws IOException {
    TinyFolder tiny = tiny("Qwen3ForCausalLM");
    tiny.tokenizer =
        TinyFolder.byteLevelTokenizer(TinyFolder.PATTERN_OF_LLAMA_3.replace("{1,3}", ""), false);
    tiny.config
        .put("head_dim", 8)
        .putObject("rope_scaling")
        .put("type", "yarn")
        .put("factor", 4.0)
        .put("original_max_position_embeddings", 32);
    tiny.add("model.layers.0.self_attn.q_norm.weight", 8);
    try (GgufFile file = convert(tiny, "F32")) {
      assertArrayEquals(
          tiny.values.get("model.layers.1.self_attn.q_proj.weight"),
          floats(file, "blk.1.attn_q.weight"));
      assertArrayEquals(
          tiny.values.get("model.layers.0.self_attn.q_norm.weight"),
          floats(file, "blk.0.attn_q_norm.weight"));
      assertEquals("qwen2", file.metadata().requireString("tokenizer.ggml.pre"));
      assertEquals("yarn", file.metadata().requireString("qwen3.rope.scaling.type"));
      assertEquals(4, file.metadata().requireReal("qwen3.rope.scaling.factor"));
      assertEquals(
          32, file.metadata().requireInteger("qwen3.rope.scaling.original_context_length"));
    }
  }

  @Test
  void gemmasNormsGetOneMore() throws IOException {
    TinyFolder tiny = tiny("Gemma3ForCausalLM");
    tiny.tokenizer = characterTokenizer();
    tiny.config.put("head_dim", 8).put("sliding_window", 16).put("rope_local_base_freq", 10000.0);
    for (int layer = 0; layer < 2; layer++) {
      tiny.add("model.layers." + layer + ".pre_feedforward_layernorm.weight", 32);
      tiny.add("model.layers." + layer + ".post_feedforward_layernorm.weight", 32);
    }
    try (GgufFile file = convert(tiny, "F32")) {
      float[] stored = tiny.values.get("model.layers.1.pre_feedforward_layernorm.weight");
      assertEquals(stored[3] + 1, floats(file, "blk.1.ffn_norm.weight")[3]);
      stored = tiny.values.get("model.layers.0.post_attention_layernorm.weight");
      assertEquals(stored[5] + 1, floats(file, "blk.0.post_attention_norm.weight")[5]);
      assertEquals(
          tiny.values.get("model.norm.weight")[0] + 1, floats(file, "output_norm.weight")[0]);
      assertEquals(1_000_000, file.metadata().requireReal("gemma3.rope.freq_base"));
      assertEquals(10_000, file.metadata().requireReal("gemma3.rope.freq_base_swa"));
      assertFalse(file.metadata().requireBool("tokenizer.ggml.add_space_prefix"));
    }
  }

  /// Characters with a merge each, as transformers makes it of SentencePiece models.
  private static ObjectNode characterTokenizer() {
    var tokenizer = TinyFolder.byteLevelTokenizer("x", false);
    var model = (ObjectNode) tokenizer.get("model");
    model.put("byte_fallback", true).put("unk_token", "<unk>");
    var vocabulary = model.putObject("vocab");
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<0x0A>", "\u2581", "a", "b"));
    tokens.addAll(List.of("ab", "\u2581a", "\u2581ab"));
    tokens.forEach(token -> vocabulary.put(token, vocabulary.size()));
    model.putArray("merges").add("a b").add("\u2581 a").add("\u2581 ab").add("\u2581a b");
    tokenizer.remove("pre_tokenizer");
    tokenizer.putObject("normalizer").put("type", "Prepend").put("prepend", "\u2581");
    return tokenizer;
  }

  @Test
  void mergesOfCharactersBecomeScores() throws IOException {
    TinyFolder tiny = tiny("MistralForCausalLM");
    tiny.tokenizer = characterTokenizer();
    try (GgufFile file = convert(tiny, "F32")) {
      assertEquals("llama", file.metadata().requireString("tokenizer.ggml.model"));
      float[] scores = file.metadata().requireFloats("tokenizer.ggml.scores");
      int[] types = file.metadata().requireInts("tokenizer.ggml.token_type");
      assertArrayEquals(
          new float[] {0, 0, -1e6f, -1e6f, -1e6f, 0, -1, -2}, Arrays.copyOf(scores, 8));
      assertArrayEquals(new int[] {2, 6, 1, 1, 1, 1, 1, 1}, Arrays.copyOf(types, 8));
      List<String> tokens = file.metadata().requireStrings("tokenizer.ggml.tokens");
      assertEquals(260, tokens.size());
      assertEquals("[PAD8]", tokens.get(8)); // as many as the embeddings have rows
      assertEquals(5, types[8]);
      assertEquals("</s>", tokens.get(258));
      assertEquals(3, types[258]);
      assertTrue(file.metadata().requireBool("tokenizer.ggml.add_space_prefix"));
    }
    try (LlamaModel model = LlamaModel.load(output, LlamaModel.Options.VOCABULARY)) {
      assertArrayEquals(
          new int[] {257, 7, 6, 3}, model.vocabulary().tokenize("ab aa", true, false));
    }
  }

  @Test
  void expertsAreStacked() throws IOException {
    TinyFolder tiny = tiny("MixtralForCausalLM");
    tiny.remove("mlp.");
    tiny.config.put("num_local_experts", 3).put("num_experts_per_tok", 2);
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "model.layers." + layer + ".block_sparse_moe.";
      tiny.add(prefix + "gate.weight", 3, 32);
      for (int expert = 2; expert >= 0; expert--) {
        tiny.add(prefix + "experts." + expert + ".w1.weight", 64, 32);
        tiny.add(prefix + "experts." + expert + ".w2.weight", 32, 64);
        tiny.add(prefix + "experts." + expert + ".w3.weight", 64, 32);
      }
    }
    try (GgufFile file = convert(tiny, "F32")) {
      GgufTensor down = file.tensor("blk.1.ffn_down_exps.weight").orElseThrow();
      assertEquals(List.of(64L, 32L, 3L), down.shape());
      float[] written = floats(file, "blk.1.ffn_down_exps.weight");
      for (int expert = 0; expert < 3; expert++) {
        assertArrayEquals(
            tiny.values.get("model.layers.1.block_sparse_moe.experts." + expert + ".w2.weight"),
            Arrays.copyOfRange(written, expert * 2048, (expert + 1) * 2048));
      }
      assertEquals(3, file.metadata().requireInteger("llama.expert_count"));
      assertEquals("3x35K", file.metadata().requireString("general.size_label"));
    }
    tiny.remove("layers.1.block_sparse_moe.experts.1.w2");
    assertRefused(tiny, "of 3 experts 2 are there");
  }

  @Test
  void eightBitWeightsAreMultipliedByTheirScales() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.config
        .putObject("quantization_config")
        .put("quant_method", "fp8")
        .putArray("weight_block_size")
        .add(16)
        .add(32);
    String name = "model.layers.0.mlp.down_proj.weight"; // [32, 64]: 2 × 2 blocks
    tiny.remove(name);
    SafetensorsWriter writer = new SafetensorsWriter();
    tiny.shapes.forEach((each, shape) -> writer.addTensor(each, shape, tiny.values.get(each)));
    byte[] eights = new byte[32 * 64];
    Arrays.fill(eights, (byte) 0x38); // 1
    writer.addTensor(name, SafetensorsType.F8_E4M3, new long[] {32, 64}, TensorSource.of(eights));
    writer.addTensor(name + "_scale_inv", new long[] {2, 2}, new float[] {1, 2, 3, 4});
    convert(tiny.write(writer), "F32");
    try (GgufFile file = GgufFile.open(output)) {
      float[] written = floats(file, "blk.0.ffn_down.weight");
      assertEquals(1, written[31]);
      assertEquals(2, written[32]);
      assertEquals(3, written[16 * 64]);
      assertEquals(4, written[31 * 64 + 63]);
    }
  }

  @Test
  void foldersOfOtherKindsAreNamed() throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    assertRefused(other, "has no config.json");
    Files.writeString(other.resolve("adapter_config.json"), "{}");
    assertRefused(other, "is an adapter of PEFT: 'lorikeet import");
    Files.writeString(other.resolve("adapters.safetensors"), "");
    assertRefused(other, "is an adapter of MLX");
    TinyFolder mlx = tiny("LlamaForCausalLM");
    mlx.config.putObject("quantization").put("group_size", 64).put("bits", 4);
    assertRefused(mlx, "quantized by 'MLX'");
  }

  private void assertRefused(Path model, String words) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> convert(model, "F32"));
    assertTrue(refused.getMessage().contains(words), refused.getMessage());
  }

  @Test
  void refusesWhatItCannotConvert() throws IOException {
    TinyFolder mamba = new TinyFolder(folder.resolve("mamba"), "MambaForCausalLM");
    assertRefused(mamba, "'MambaForCausalLM'", "LlamaForCausalLM, Ministral3ForCausalLM");
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.add("model.layers.0.self_attn.strange.weight", 3, 3);
    tiny.add("model.layers.7.mlp.up_proj.weight", 64, 32);
    assertRefused(tiny, "'model.layers.0.self_attn.strange.weight'", "beyond the 2 layers");
    tiny.remove("strange");
    tiny.remove("layers.7");
    tiny.config.put("vocab_size", 300);
    assertRefused(tiny, "260 rows", "300 tokens");
    tiny.config.put("vocab_size", 100);
    assertRefused(tiny, "up to id 259");
    tiny.config.put("vocab_size", "many");
    assertRefused(tiny, "'vocab_size' should be a whole number");
    tiny.config.put("vocab_size", 260).remove("hidden_size");
    assertRefused(tiny, "there is no 'hidden_size'");
    tiny.config.put("hidden_size", 32).putObject("quantization_config").put("quant_method", "awq");
    assertRefused(tiny, "'awq'");
    tiny.config.remove("quantization_config");
    tiny.tokenizer = TinyFolder.byteLevelTokenizer("\\w+", false);
    assertRefused(tiny, "split \\w+");
    tiny.tokenizer = null;
    Files.delete(tiny.path.resolve("tokenizer.json"));
    assertRefused(tiny, "neither tokenizer.json nor tokenizer.model");
    Files.writeString(tiny.path.resolve("config.json"), "{\"a\": 1,}");
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> convert(tiny.path, "F32"));
    assertTrue(refused.getMessage().contains("(line 1)"), refused.getMessage());
  }

  @Test
  void refusesWeightsThatAreNoNumbersOrTooLarge() throws IOException {
    TinyFolder tiny = tiny("LlamaForCausalLM");
    tiny.values.get("lm_head.weight")[7] = 70000;
    try (GgufFile file = convert(tiny, "BF16")) {
      assertEquals(TensorType.BF16, file.tensor("output.weight").orElseThrow().type());
    }
    Files.delete(output);
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> convert(tiny, "F16").close());
    assertTrue(refused.getMessage().contains("more than F16 holds"), refused.getMessage());
    tiny.values.get("lm_head.weight")[7] = Float.NaN;
    refused = assertThrows(InvalidInputException.class, () -> convert(tiny, "IQ2_XS").close());
    assertTrue(refused.getMessage().contains("convert to F16 or BF16"), refused.getMessage());
    refused = assertThrows(InvalidInputException.class, () -> convert(tiny, "Q4_0").close());
    assertTrue(refused.getMessage().contains("'lm_head.weight'"), refused.getMessage());
    assertOnly("tiny-llama");
  }

  private void assertRefused(TinyFolder model, String... parts) throws IOException {
    Path path = model.write();
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> convert(path, "F32"));
    for (String part : parts) {
      assertTrue(refused.getMessage().contains(part), refused.getMessage());
    }
  }
}
