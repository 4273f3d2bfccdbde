package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The families of Gemma and Granite. All of these folders' like were converted by llama.cpp's
/// `convert_hf_to_gguf.py` as well, and every tensor and key was the same.
class GemmaGraniteTest extends FamilyConversion {
  private static final List<String> TOKENS =
      List.of(
          "<pad>", "<eos>", "<bos>", "<unk>", "<|turn>", "<|channel>", "<0x0A>", "\n", "\u2581");

  @Test
  void gemma2() throws IOException {
    start("Gemma2ForCausalLM");
    fourNorms();
    tiny.tokenizer = characters();
    tiny.config
        .put("head_dim", 8)
        .put("sliding_window", 16)
        .put("attn_logit_softcapping", 50.0)
        .put("final_logit_softcapping", 30.0);
    InvalidInputException refused = assertThrows(InvalidInputException.class, this::convert);
    assertTrue(refused.getMessage().contains("lm_head.weight differs"), refused.getMessage());
    tiny.values.put("lm_head.weight", tiny.values.get("model.embed_tokens.weight"));
    try (GgufFile file = convert()) {
      assertEquals("gemma2", file.metadata().requireString("general.architecture"));
      assertEquals(50, file.metadata().requireReal("gemma2.attn_logit_softcapping"));
      assertEquals(16, integer(file, "gemma2.attention.sliding_window"));
      assertTrue(file.tensor("output.weight").isEmpty());
      float[] stored = tiny.values.get("model.layers.1.post_feedforward_layernorm.weight");
      assertEquals(stored[3] + 1, floats(file, "blk.1.post_ffw_norm.weight")[3]);
      assertFalse(file.metadata().requireBool("tokenizer.ggml.add_space_prefix"));
    }
  }

  @Test
  void gemma4WithExperts() throws IOException {
    startGemma4();
    tiny.config.put("num_experts", 4).put("top_k_experts", 2).put("moe_intermediate_size", 16);
    eachLayer(
        layer -> {
          tiny.add(layer + "pre_feedforward_layernorm_2.weight", 32);
          tiny.add(layer + "post_feedforward_layernorm_1.weight", 32);
          tiny.add(layer + "post_feedforward_layernorm_2.weight", 32);
          tiny.add(layer + "router.proj.weight", 4, 32);
          tiny.add(layer + "router.scale", 32);
          tiny.add(layer + "router.per_expert_scale", 4);
          tiny.add(layer + "experts.gate_up_proj", 4, 32, 32);
          tiny.add(layer + "experts.down_proj", 4, 32, 16);
        });
    try (GgufFile file = convert()) {
      String prefix = "model.layers.1.";
      assertUnchanged(file, prefix + "experts.gate_up_proj", "blk.1.ffn_gate_up_exps.weight");
      assertUnchanged(file, prefix + "experts.down_proj", "blk.1.ffn_down_exps.weight");
      assertUnchanged(file, prefix + "router.per_expert_scale", "blk.1.ffn_down_exps.scale");
      assertUnchanged(file, prefix + "router.scale", "blk.1.ffn_gate_inp.scale");
      assertUnchanged(file, prefix + "router.proj.weight", "blk.1.ffn_gate_inp.weight");
      assertUnchanged(file, prefix + "layer_scalar", "blk.1.layer_output_scale.weight");
      assertUnchanged(
          file, prefix + "post_feedforward_layernorm_1.weight", "blk.1.post_ffw_norm_1.weight");
      assertEquals(2, integer(file, "gemma4.expert_used_count"));
      assertEquals(16, integer(file, "gemma4.expert_feed_forward_length"));
    }
  }

  @Test
  void gemma4HasTwoKindsOfHeads() throws IOException {
    startGemma4();
    try (GgufFile file = convert()) {
      assertEquals(16, integer(file, "gemma4.attention.key_length"));
      assertEquals(8, integer(file, "gemma4.attention.key_length_swa"));
      assertEquals(16, integer(file, "gemma4.rope.dimension_count"));
      assertEquals(8, integer(file, "gemma4.rope.dimension_count_swa"));
      assertArrayEquals(
          new int[] {2, 1}, file.metadata().requireInts("gemma4.attention.head_count_kv"));
      // A quarter of a head of 16: 2 of 8 frequencies.
      float[] factors = new float[8];
      Arrays.fill(factors, 1e30f);
      factors[0] = 1;
      factors[1] = 1;
      assertArrayEquals(factors, floats(file, "rope_freqs.weight"));
      assertUnchanged(
          file, "model.layers.0.pre_feedforward_layernorm.weight", "blk.0.ffn_norm.weight");
      assertEquals("gemma4", file.metadata().requireString("tokenizer.ggml.model"));
      assertTrue(file.metadata().value("tokenizer.ggml.pre").isEmpty());
      assertTrue(file.metadata().requireBool("tokenizer.ggml.add_bos_token"));
      int[] types = file.metadata().requireInts("tokenizer.ggml.token_type");
      // <pad> is named by tokenizer_config.json, <|channel> is shown, <unk> isn't named.
      assertArrayEquals(new int[] {3, 3, 3, 1, 3, 4, 6, 1, 1}, Arrays.copyOf(types, 9));
    }
    try (LlamaModel model = LlamaModel.load(output, LlamaModel.Options.VOCABULARY)) {
      assertArrayEquals(
          new int[] {2, 11, 8, 9, 4}, model.vocabulary().tokenize("ab a<|turn>", true, true));
    }
  }

  @Test
  void gemma4UnifiedHasTokensThatItMustNotWrite() throws IOException {
    startGemma4();
    tiny.config.putArray("architectures").add("Gemma4UnifiedForConditionalGeneration");
    Path model = tiny.write();
    Files.writeString(model.resolve("generation_config.json"), "{\"suppress_tokens\": [5, 9]}");
    try (GgufFile file = convert(model)) {
      assertArrayEquals(
          new int[] {5, 9}, file.metadata().requireInts("tokenizer.ggml.suppress_tokens"));
    }
  }

  @Test
  void gemma4HasEmbeddingsForEachLayer() throws IOException {
    startGemma4();
    tiny.config.put("hidden_size_per_layer_input", 8).put("use_double_wide_mlp", true);
    tiny.add("model.embed_tokens_per_layer.weight", 260, 16);
    tiny.add("model.per_layer_model_projection.weight", 16, 32);
    tiny.add("model.per_layer_projection_norm.weight", 8);
    eachLayer(
        layer -> {
          tiny.add(layer + "per_layer_input_gate.weight", 8, 32);
          tiny.add(layer + "per_layer_projection.weight", 32, 8);
          tiny.add(layer + "post_per_layer_input_norm.weight", 32);
        });
    try (GgufFile file = convert()) {
      assertEquals(8, integer(file, "gemma4.embedding_length_per_layer_input"));
      assertUnchanged(file, "model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight");
      assertUnchanged(
          file, "model.per_layer_model_projection.weight", "per_layer_model_proj.weight");
      assertUnchanged(file, "model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight");
      String prefix = "model.layers.1.";
      assertUnchanged(file, prefix + "per_layer_input_gate.weight", "blk.1.inp_gate.weight");
      assertUnchanged(file, prefix + "per_layer_projection.weight", "blk.1.proj.weight");
      assertUnchanged(file, prefix + "post_per_layer_input_norm.weight", "blk.1.post_norm.weight");
    }
  }

  @Test
  void gemma4WithoutKeysToShareIsRefused() throws IOException {
    startGemma4();
    tiny.config.put("num_kv_shared_layers", 1);
    assertRefused("'num_kv_shared_layers' is 1: layer 1 would have the keys and values of layer 0");
    tiny.config.put("num_kv_shared_layers", 3);
    assertRefused("'num_kv_shared_layers' is 3: layer 0");
    tiny.config.put("num_kv_shared_layers", 0).remove("global_head_dim");
    assertRefused("no 'global_head_dim'");
    ((ObjectNode) tiny.config.get("rope_parameters").get("full_attention")).put("rope_type", "x");
    assertRefused("of type 'x', not 'proportional'");
  }

  private void assertRefused(String part) {
    InvalidInputException refused = assertThrows(InvalidInputException.class, this::convert);
    assertTrue(refused.getMessage().contains(part), refused.getMessage());
  }

  private void startGemma4() {
    start("Gemma4ForConditionalGeneration");
    fourNorms();
    tiny.remove("lm_head");
    tiny.remove("layers.1.self_attn");
    tiny.tokenizer = characters();
    tiny.tokenizerConfig.removeAll();
    tiny.tokenizerConfig
        .put("pad_token", "<pad>")
        .put("bos_token", "<bos>")
        .put("eos_token", "<eos>");
    tiny.tokenizerConfig.putArray("extra_special_tokens").add("<|turn>").add("<|channel>");
    tiny.config.put("head_dim", 8).put("global_head_dim", 16).put("sliding_window", 16);
    tiny.config.put("num_global_key_value_heads", 1).put("tie_word_embeddings", true);
    tiny.config.putArray("layer_types").add("sliding_attention").add("full_attention");
    ObjectNode rope = tiny.config.putObject("rope_parameters");
    rope.putObject("full_attention")
        .put("rope_type", "proportional")
        .put("rope_theta", 1e6)
        .put("partial_rotary_factor", 0.25);
    rope.putObject("sliding_attention").put("rope_type", "default").put("rope_theta", 1e4);
    String full = "model.layers.1.self_attn."; // values are the keys
    tiny.add(full + "q_proj.weight", 64, 32);
    tiny.add(full + "k_proj.weight", 16, 32);
    tiny.add(full + "o_proj.weight", 32, 64);
    tiny.add(full + "q_norm.weight", 16);
    tiny.add(full + "k_norm.weight", 16);
    tiny.add("model.layers.0.self_attn.q_norm.weight", 8);
    tiny.add("model.layers.0.self_attn.k_norm.weight", 8);
    tiny.add("model.embed_vision.embedding_projection.weight", 32, 8);
    eachLayer(layer -> tiny.add(layer + "layer_scalar", 1));
  }

  private void fourNorms() {
    eachLayer(
        layer -> {
          tiny.add(layer + "pre_feedforward_layernorm.weight", 32);
          tiny.add(layer + "post_feedforward_layernorm.weight", 32);
        });
  }

  /// Characters that are merged, all tokens of the model's 260 among them.
  private static ObjectNode characters() {
    ObjectNode tokenizer = TinyFolder.byteLevelTokenizer("x", false);
    ObjectNode model = (ObjectNode) tokenizer.get("model");
    model.put("byte_fallback", true).put("unk_token", "<unk>");
    ObjectNode vocabulary = model.putObject("vocab");
    List<String> tokens = new ArrayList<>(TOKENS);
    tokens.addAll(List.of("a", "b", "ab", "c"));
    while (tokens.size() < 260) {
      tokens.add("<unused" + tokens.size() + ">");
    }
    tokens.forEach(token -> vocabulary.put(token, vocabulary.size()));
    model.putArray("merges").addArray().add("a").add("b");
    tokenizer.putArray("added_tokens");
    for (String special : TOKENS.subList(0, 6)) {
      tokenizer
          .withArray("added_tokens")
          .addObject()
          .put("id", TOKENS.indexOf(special))
          .put("content", special)
          .put("special", true);
    }
    tokenizer.remove("pre_tokenizer");
    return tokenizer;
  }

  @Test
  void graniteMoe() throws IOException {
    startGranite("GraniteMoeSharedForCausalLM");
    tiny.config.put("num_local_experts", 4).put("num_experts_per_tok", 2);
    eachLayer(
        layer -> {
          tiny.add(layer + "block_sparse_moe.router.layer.weight", 4, 32);
          tiny.add(layer + "block_sparse_moe.input_linear.weight", 4, 128, 32);
          tiny.add(layer + "block_sparse_moe.output_linear.weight", 4, 32, 64);
        });
    try (GgufFile file = convert()) {
      String prefix = "model.layers.1.block_sparse_moe.";
      assertEquals("granitemoe", file.metadata().requireString("general.architecture"));
      float[] stored = tiny.values.get(prefix + "input_linear.weight");
      float[] up = floats(file, "blk.1.ffn_up_exps.weight");
      assertArrayEquals(
          Arrays.copyOfRange(stored, 3 * 4096 + 2048, 4 * 4096),
          Arrays.copyOfRange(up, 3 * 2048, 4 * 2048));
      assertUnchanged(file, prefix + "output_linear.weight", "blk.1.ffn_down_exps.weight");
      assertUnchanged(
          file, "model.layers.0.shared_mlp.output_linear.weight", "blk.0.ffn_down_shexp.weight");
      assertEquals(48, floats(file, "blk.0.ffn_gate_shexp.weight").length / 32);
      assertEquals(48, integer(file, "granitemoe.expert_shared_feed_forward_length"));
      assertEquals(6, file.metadata().requireReal("granitemoe.logit_scale"));
    }
  }

  /// Granite 4.0 micro: of the hybrids' class, with nothing but attention.
  @Test
  void graniteHybridWithoutMamba() throws IOException {
    startGranite("GraniteMoeHybridForCausalLM");
    tiny.config.put("num_local_experts", 0).put("num_experts_per_tok", 0);
    tiny.config.put("intermediate_size", 48);
    tiny.config.putArray("layer_types").add("attention").add("attention");
    for (String name : List.of("d_conv", "d_state", "n_groups", "expand", "n_heads")) {
      tiny.config.put("mamba_" + name, 2);
    }
    try (GgufFile file = convert()) {
      assertEquals("granite", file.metadata().requireString("general.architecture"));
      assertUnchanged(
          file, "model.layers.0.shared_mlp.output_linear.weight", "blk.0.ffn_down.weight");
      assertTrue(file.metadata().requireBool("granite.rope.scaling.finetuned"));
    }
    tiny.config.putArray("layer_types").add("attention");
    assertRefused("'layer_types' has 1 elements for 2 layers");
  }

  /// The first layer has a state space: eight heads of 8 in two groups, each with a state of 16.
  @Test
  void graniteHybrid() throws IOException {
    startGranite("GraniteMoeHybridForCausalLM");
    tiny.config.put("num_local_experts", 0).put("num_experts_per_tok", 0);
    tiny.config.put("intermediate_size", 48).put("mamba_conv_bias", true);
    tiny.config.putArray("layer_types").add("mamba").add("attention");
    tiny.config.put("mamba_d_conv", 4).put("mamba_d_state", 16).put("mamba_n_groups", 2);
    tiny.config.put("mamba_expand", 2).put("mamba_n_heads", 8);
    tiny.remove("layers.0.self_attn.");
    String space = "model.layers.0.mamba.";
    tiny.add(space + "in_proj.weight", 200, 32);
    tiny.add(space + "conv1d.weight", 128, 1, 4);
    tiny.add(space + "conv1d.bias", 128);
    tiny.add(space + "dt_bias", 8);
    tiny.add(space + "A_log", 8);
    tiny.add(space + "D", 8);
    tiny.add(space + "norm.weight", 64);
    tiny.add(space + "out_proj.weight", 32, 64);
    try (GgufFile file = convert()) {
      assertEquals("granitehybrid", file.metadata().requireString("general.architecture"));
      assertFalse(file.metadata().requireBool("granitehybrid.rope.scaling.finetuned"));
      assertArrayEquals(
          new int[] {0, 2}, file.metadata().requireInts("granitehybrid.attention.head_count_kv"));
      assertEquals(64, integer(file, "granitehybrid.ssm.inner_size"));
      assertEquals(8, integer(file, "granitehybrid.ssm.time_step_rank"));
      assertEquals(1 << 20, integer(file, "granitehybrid.context_length"));
      assertUnchanged(file, space + "conv1d.weight", "blk.0.ssm_conv1d.weight");
      assertUnchanged(file, space + "conv1d.bias", "blk.0.ssm_conv1d.bias");
      assertUnchanged(file, space + "dt_bias", "blk.0.ssm_dt.bias");
      assertUnchanged(file, space + "D", "blk.0.ssm_d");
      assertUnchanged(file, space + "norm.weight", "blk.0.ssm_norm.weight");
      assertEquals(List.of(32L, 2L), file.tensor("blk.0.ssm_norm.weight").orElseThrow().shape());
      assertEquals(List.of(1L, 8L), file.tensor("blk.0.ssm_d").orElseThrow().shape());
      assertEquals(
          -Math.exp(tiny.values.get(space + "A_log")[3]), floats(file, "blk.0.ssm_a")[3], 1e-6);
      assertUnchanged(
          file, "model.layers.0.shared_mlp.output_linear.weight", "blk.0.ffn_down.weight");
    }
    tiny.config.put("mamba_conv_bias", false);
    assertRefused("'mamba_conv_bias' is false");
  }

  private void startGranite(String architecture) {
    start(architecture);
    tiny.remove("mlp.");
    tiny.config.put("logits_scaling", 6.0).put("shared_intermediate_size", 48);
    tiny.config.put("attention_multiplier", 0.25);
    eachLayer(
        layer -> {
          tiny.add(layer + "shared_mlp.input_linear.weight", 96, 32);
          tiny.add(layer + "shared_mlp.output_linear.weight", 32, 48);
        });
  }
}
