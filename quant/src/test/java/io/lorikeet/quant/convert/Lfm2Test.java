package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// LFM2, whose second of two layers attends here; with experts, the first layer is dense. The
/// folders of `PeftModelsTest` were converted by llama.cpp's `convert_hf_to_gguf.py` as well: every
/// tensor was the same, and every key but the name, which is the folder's.
class Lfm2Test extends FamilyConversion {
  private static final int WIDTH = TinyFolder.WIDTH;

  private void start(boolean experts) {
    start(experts ? "Lfm2MoeForCausalLM" : "Lfm2ForCausalLM");
    List.of("self_attn.", "mlp.", "layernorm", "model.norm", "lm_head").forEach(tiny::remove);
    tiny.add("model.embedding_norm.weight", WIDTH);
    tiny.config.remove("rms_norm_eps");
    tiny.config.put("norm_eps", 1e-5).put("conv_L_cache", 3).put("tie_word_embeddings", true);
    tiny.config.putArray("layer_types").add("conv").add("full_attention");
    eachLayer(
        layer -> {
          tiny.add(layer + "operator_norm.weight", WIDTH);
          tiny.add(layer + "ffn_norm.weight", WIDTH);
        });
    tiny.add("model.layers.0.conv.in_proj.weight", 3 * WIDTH, WIDTH);
    tiny.add("model.layers.0.conv.conv.weight", WIDTH, 1, 3);
    tiny.add("model.layers.0.conv.out_proj.weight", WIDTH, WIDTH);
    tiny.add("model.layers.1.self_attn.q_proj.weight", WIDTH, WIDTH);
    tiny.add("model.layers.1.self_attn.k_proj.weight", WIDTH / 2, WIDTH);
    tiny.add("model.layers.1.self_attn.v_proj.weight", WIDTH / 2, WIDTH);
    tiny.add("model.layers.1.self_attn.out_proj.weight", WIDTH, WIDTH);
    tiny.add("model.layers.1.self_attn.q_layernorm.weight", 8);
    tiny.add("model.layers.1.self_attn.k_layernorm.weight", 8);
    feedForward("model.layers.0.feed_forward.", experts ? 64 : 48);
    if (experts) {
      tiny.config.put("moe_intermediate_size", 24).put("num_dense_layers", 1);
      tiny.config.put("num_experts", 4).put("num_experts_per_tok", 2);
      tiny.add("model.layers.1.feed_forward.gate.weight", 4, WIDTH);
      tiny.add("model.layers.1.feed_forward.expert_bias", 4);
      for (int i = 0; i < 4; i++) {
        feedForward("model.layers.1.feed_forward.experts." + i + ".", 24);
      }
    } else {
      tiny.config.put("block_multiple_of", 16); // 64 · 2 / 3 are 42, rounded up to 48
      feedForward("model.layers.1.feed_forward.", 48);
    }
  }

  private void feedForward(String prefix, int width) {
    tiny.add(prefix + "w1.weight", width, WIDTH);
    tiny.add(prefix + "w2.weight", WIDTH, width);
    tiny.add(prefix + "w3.weight", width, WIDTH);
  }

  @Test
  void dense() throws IOException {
    start(false);
    try (GgufFile file = convert()) {
      assertEquals("lfm2", file.metadata().requireString("general.architecture"));
      assertEquals("lfm2", file.metadata().requireString("tokenizer.ggml.pre"));
      assertArrayEquals(
          new int[] {0, 2}, file.metadata().requireInts("lfm2.attention.head_count_kv"));
      assertEquals(3, integer(file, "lfm2.shortconv.l_cache"));
      assertEquals(48, integer(file, "lfm2.feed_forward_length"));
      assertEquals(1_000_000, file.metadata().requireReal("lfm2.rope.freq_base"));
      assertUnchanged(file, "model.embedding_norm.weight", "token_embd_norm.weight");
      assertUnchanged(file, "model.layers.0.operator_norm.weight", "blk.0.attn_norm.weight");
      assertUnchanged(file, "model.layers.0.conv.in_proj.weight", "blk.0.shortconv.in_proj.weight");
      assertUnchanged(file, "model.layers.0.conv.conv.weight", "blk.0.shortconv.conv.weight");
      assertUnchanged(
          file, "model.layers.1.self_attn.q_layernorm.weight", "blk.1.attn_q_norm.weight");
      assertUnchanged(file, "model.layers.1.feed_forward.w3.weight", "blk.1.ffn_up.weight");
    }
  }

  @Test
  void oldConfiguration() throws IOException {
    start(false);
    tiny.config.remove(List.of("layer_types", "intermediate_size", "tie_word_embeddings"));
    tiny.config.put("block_ff_dim", 64).putArray("full_attn_idxs").add(1);
    try (GgufFile file = convert()) {
      assertArrayEquals(
          new int[] {0, 2}, file.metadata().requireInts("lfm2.attention.head_count_kv"));
      assertEquals(48, integer(file, "lfm2.feed_forward_length"));
    }
  }

  @Test
  void experts() throws IOException {
    start(true);
    try (GgufFile file = convert()) {
      assertEquals(64, integer(file, "lfm2moe.feed_forward_length"));
      assertEquals(24, integer(file, "lfm2moe.expert_feed_forward_length"));
      assertEquals(1, integer(file, "lfm2moe.leading_dense_block_count"));
      assertEquals(2, integer(file, "lfm2moe.expert_gating_func"));
      assertUnchanged(file, "model.layers.1.feed_forward.expert_bias", "blk.1.exp_probs_b.bias");
      float[] gates = floats(file, "blk.1.ffn_gate_exps.weight");
      assertEquals(
          tiny.values.get("model.layers.1.feed_forward.experts.2.w1.weight")[5],
          gates[2 * 24 * WIDTH + 5]);
    }
  }

  @Test
  void kernelsKeepTheirType() throws IOException {
    start(true);
    ModelConverter.convert(tiny.write(), output, Optional.of("Q8_0"), 1, _ -> {});
    try (GgufFile file = GgufFile.open(output)) {
      for (String name : List.of("blk.0.shortconv.conv.weight", "blk.1.exp_probs_b.bias")) {
        assertEquals(TensorType.F32, file.tensor(name).orElseThrow().type(), name);
      }
    }
  }

  @Test
  void otherExpertsAreRefused() {
    start(true);
    tiny.config.put("routed_scaling_factor", 2.5);
    assertRefused("'routed_scaling_factor' isn't 1");
    tiny.config.put("routed_scaling_factor", 1).put("use_expert_bias", false);
    assertRefused("'use_expert_bias' is false");
    tiny.config.put("use_expert_bias", true).put("conv_bias", true);
    assertRefused("'conv_bias' is true");
  }

  private void assertRefused(String part) {
    InvalidInputException refused = assertThrows(InvalidInputException.class, this::convert);
    assertTrue(refused.getMessage().contains(part), refused.getMessage());
  }
}
