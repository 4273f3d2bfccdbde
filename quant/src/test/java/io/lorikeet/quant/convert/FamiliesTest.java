package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.SafetensorsWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Tests of each family's own parts, and that llama.cpp computes with the result.
class FamiliesTest extends FamilyConversion {
  @Test
  void smolLm3() throws IOException {
    start("SmolLM3ForCausalLM");
    try (GgufFile file = convert()) {
      assertEquals("smollm3", file.metadata().requireString("general.architecture"));
      float[] stored = tiny.values.get("model.layers.0.self_attn.q_proj.weight");
      float[] written = floats(file, "blk.0.attn_q.weight");
      assertEquals(stored[4 * 32], written[32]); // rotated as llama's
    }
  }

  @Test
  void granite() throws IOException {
    start("GraniteForCausalLM");
    tiny.config.put("attention_multiplier", 0.25).put("embedding_multiplier", 12.0);
    tiny.config.put("residual_multiplier", 0.5).put("logits_scaling", 8.0).put("head_dim", 8);
    try (GgufFile file = convert()) {
      assertEquals(0.25, file.metadata().requireReal("granite.attention.scale"));
      assertEquals(12, file.metadata().requireReal("granite.embedding_scale"));
      assertEquals(0.5, file.metadata().requireReal("granite.residual_scale"));
      assertEquals(8, file.metadata().requireReal("granite.logit_scale"));
      assertTrue(file.metadata().value("granite.attention.key_length").isEmpty());
    }
  }

  @Test
  void ministral3() throws IOException {
    start("Ministral3ForCausalLM");
    tiny.config.put("model_type", "ministral3").put("head_dim", 8);
    tiny.config
        .putObject("rope_parameters")
        .put("rope_type", "yarn")
        .put("rope_theta", 1e6)
        .put("factor", 16.0)
        .put("original_max_position_embeddings", 64)
        .put("beta_fast", 32.0)
        .put("mscale_all_dim", 1.0)
        .put("llama_4_scaling_beta", 0.125);
    try (GgufFile file = convert()) {
      assertEquals("mistral3", file.metadata().requireString("general.architecture"));
      assertEquals(16, file.metadata().requireReal("mistral3.rope.scaling.factor"));
      assertEquals(32, file.metadata().requireReal("mistral3.rope.scaling.yarn_beta_fast"));
      assertEquals(1, file.metadata().requireReal("mistral3.rope.scaling.yarn_log_multiplier"));
      assertEquals(0.125, file.metadata().requireReal("mistral3.attention.temperature_scale"));
    }
  }

  @Test
  void qwen3Moe() throws IOException {
    start("Qwen3MoeForCausalLM");
    tiny.remove("mlp.");
    tiny.config.put("num_experts", 4).put("num_experts_per_tok", 2).put("head_dim", 8);
    tiny.config.put("moe_intermediate_size", 32);
    eachLayer(
        layer -> {
          tiny.add(layer + "mlp.gate.weight", 4, 32);
          tiny.add(layer + "mlp.experts.gate_up_proj", 4, 64, 32);
          tiny.add(layer + "mlp.experts.down_proj", 4, 32, 32);
          tiny.add(layer + "self_attn.q_norm.weight", 8);
          tiny.add(layer + "self_attn.k_norm.weight", 8);
        });
    try (GgufFile file = convert()) {
      float[] stored = tiny.values.get("model.layers.1.mlp.experts.gate_up_proj");
      float[] gate = floats(file, "blk.1.ffn_gate_exps.weight");
      float[] up = floats(file, "blk.1.ffn_up_exps.weight");
      for (int expert = 0; expert < 4; expert++) {
        assertArrayEquals(
            Arrays.copyOfRange(stored, expert * 2048, expert * 2048 + 1024),
            Arrays.copyOfRange(gate, expert * 1024, expert * 1024 + 1024));
        assertArrayEquals(
            Arrays.copyOfRange(stored, expert * 2048 + 1024, expert * 2048 + 2048),
            Arrays.copyOfRange(up, expert * 1024, expert * 1024 + 1024));
      }
      assertUnchanged(file, "model.layers.0.mlp.experts.down_proj", "blk.0.ffn_down_exps.weight");
      assertEquals(32, integer(file, "qwen3moe.expert_feed_forward_length"));
      assertEquals(2, integer(file, "qwen3moe.expert_used_count"));
    }
  }

  @Test
  void olmo3() throws IOException {
    start("Olmo3ForCausalLM");
    tiny.remove("input_layernorm");
    tiny.config
        .put("sliding_window", 16)
        .putArray("layer_types")
        .add("sliding_attention")
        .add("full_attention");
    eachLayer(
        layer -> {
          tiny.add(layer + "post_feedforward_layernorm.weight", 32);
          tiny.add(layer + "self_attn.q_norm.weight", 32);
          tiny.add(layer + "self_attn.k_norm.weight", 16);
        });
    try (GgufFile file = convert()) {
      assertUnchanged(
          file,
          "model.layers.1.post_attention_layernorm.weight",
          "blk.1.post_attention_norm.weight");
      assertUnchanged(
          file, "model.layers.1.post_feedforward_layernorm.weight", "blk.1.post_ffw_norm.weight");
      assertEquals(16, integer(file, "olmo2.attention.sliding_window"));
      assertTrue(file.metadata().value("olmo2.attention.sliding_window_pattern").isPresent());
    }
  }

  @Test
  void phi3() throws IOException {
    start("Phi3ForCausalLM");
    List.of("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj").forEach(tiny::remove);
    eachLayer(
        layer -> {
          tiny.add(layer + "self_attn.qkv_proj.weight", 64, 32);
          tiny.add(layer + "mlp.gate_up_proj.weight", 128, 32);
        });
    tiny.config.put("original_max_position_embeddings", 32);
    ObjectNode scaling = tiny.config.putObject("rope_scaling").put("type", "longrope");
    scaling.putArray("short_factor").add(1.0).add(1.0).add(1.0).add(1.5);
    scaling.putArray("long_factor").add(1.0).add(2.0).add(3.0).add(4.0);
    try (GgufFile file = convert()) {
      assertUnchanged(file, "model.layers.0.self_attn.qkv_proj.weight", "blk.0.attn_qkv.weight");
      assertUnchanged(file, "model.layers.0.mlp.gate_up_proj.weight", "blk.0.ffn_up.weight");
      assertArrayEquals(new float[] {1, 2, 3, 4}, floats(file, "rope_factors_long.weight"));
      assertArrayEquals(new float[] {1, 1, 1, 1.5f}, floats(file, "rope_factors_short.weight"));
      assertEquals(
          Math.sqrt(1 + Math.log(4) / Math.log(32)),
          file.metadata().requireReal("phi3.rope.scaling.attn_factor"),
          1e-6);
      assertEquals(32, integer(file, "phi3.rope.scaling.original_context_length"));
      assertEquals(0, integer(file, "phi3.attention.sliding_window"));
    }
  }

  @Test
  void glm4() throws IOException {
    start("Glm4ForCausalLM");
    tiny.tokenizer = TinyFolder.byteLevelTokenizer(TinyFolder.PATTERN_OF_LLAMA_3, false);
    ((ObjectNode) tiny.tokenizer.get("added_tokens").get(0)).put("content", "<|user|>");
    ((ObjectNode) tiny.tokenizer.get("added_tokens").get(1)).put("content", "<|endoftext|>");
    tiny.tokenizerConfig.removeAll();
    tiny.remove("gate_proj");
    tiny.remove("up_proj");
    eachLayer(
        layer -> {
          tiny.add(layer + "mlp.gate_up_proj.weight", 128, 32);
          tiny.add(layer + "post_self_attn_layernorm.weight", 32);
          tiny.add(layer + "post_mlp_layernorm.weight", 32);
        });
    try (GgufFile file = convert()) {
      String prefix = "model.layers.0.";
      assertUnchanged(
          file, prefix + "post_self_attn_layernorm.weight", "blk.0.post_attention_norm.weight");
      assertUnchanged(file, prefix + "post_mlp_layernorm.weight", "blk.0.post_ffw_norm.weight");
      assertUnchanged(file, prefix + "post_attention_layernorm.weight", "blk.0.ffn_norm.weight");
      assertEquals(4, integer(file, "glm4.rope.dimension_count"));
      assertEquals("glm4", file.metadata().requireString("tokenizer.ggml.pre"));
      assertEquals(257, integer(file, "tokenizer.ggml.eot_token_id"));
      assertEquals(258, integer(file, "tokenizer.ggml.eos_token_id"));
    }
  }

  @Test
  void gptOssKeepsMxfp4() throws IOException {
    startGptOss();
    // Row r of the gate is stored as row 2r of both, row r of the up matrix as row 2r + 1.
    byte[] blocks = new byte[2 * 64 * 16];
    byte[] scales = new byte[2 * 64];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = (byte) (31 * i + i / 16);
    }
    Arrays.fill(scales, (byte) 127); // 2^0
    SafetensorsWriter writer = new SafetensorsWriter();
    tiny.shapes.forEach((name, shape) -> writer.addTensor(name, shape, tiny.values.get(name)));
    eachLayer(
        layer -> {
          String experts = layer + "mlp.experts.";
          add(writer, experts + "gate_up_proj_blocks", blocks, 2, 64, 1, 16);
          add(writer, experts + "gate_up_proj_scales", scales, 2, 64, 1);
          add(writer, experts + "down_proj_blocks", Arrays.copyOf(blocks, 1024), 2, 32, 1, 16);
          add(writer, experts + "down_proj_scales", Arrays.copyOf(scales, 64), 2, 32, 1);
        });
    tiny.config.putObject("quantization_config").put("quant_method", "mxfp4");
    try (GgufFile file = convert(tiny.write(writer))) {
      GgufTensor up = file.tensor("blk.0.ffn_up_exps.weight").orElseThrow();
      assertEquals(TensorType.MXFP4, up.type());
      assertEquals(List.of(32L, 32L, 2L), up.shape());
      float[] numbers = floats(file, "blk.0.ffn_up_exps.weight");
      for (int row = 0; row < 64; row++) {
        for (int i = 0; i < 32; i++) {
          int stored = blocks[(2 * row + 1) * 16 + i / 2];
          int code = i % 2 == 0 ? stored & 0xf : stored >> 4 & 0xf;
          float expected = e2m1(code) + 0f; // ggml has no negative zero
          assertEquals(expected, numbers[row * 32 + i], "row " + row + ", number " + i);
        }
      }
      assertEquals(38, integer(file, "general.file_type"));
      float[] bias = tiny.values.get("model.layers.1.mlp.experts.gate_up_proj_bias");
      float[] upBias = floats(file, "blk.1.ffn_up_exps.bias");
      assertEquals(bias[1], upBias[0]);
      assertEquals(bias[64 + 7], upBias[32 + 3]);
      assertUnchanged(file, "model.layers.0.self_attn.sinks", "blk.0.attn_sinks.weight");
    }
  }

  /// Sign, two bits of exponent, one of mantissa.
  private static float e2m1(int code) {
    float[] magnitudes = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    return code < 8 ? magnitudes[code] : -magnitudes[code - 8];
  }

  private static void add(SafetensorsWriter writer, String name, byte[] bytes, long... shape) {
    writer.addTensor(name, SafetensorsType.U8, shape, TensorSource.of(bytes));
  }

  @Test
  void gptOssUnpackedIsTurnedOver() throws IOException {
    startGptOss();
    eachLayer(
        layer -> {
          tiny.add(layer + "mlp.experts.gate_up_proj", 2, 32, 64);
          tiny.add(layer + "mlp.experts.down_proj", 2, 32, 32);
        });
    try (GgufFile file = convert()) {
      float[] stored = tiny.values.get("model.layers.0.mlp.experts.gate_up_proj");
      float[] gate = floats(file, "blk.0.ffn_gate_exps.weight");
      for (int expert = 0; expert < 2; expert++) {
        for (int row = 0; row < 32; row++) {
          for (int i = 0; i < 32; i++) {
            assertEquals(
                stored[expert * 2048 + i * 64 + 2 * row], gate[expert * 1024 + row * 32 + i]);
          }
        }
      }
    }
  }

  private void startGptOss() {
    start("GptOssForCausalLM");
    tiny.remove("mlp.");
    tiny.config.put("head_dim", 8).put("sliding_window", 16).put("intermediate_size", 32);
    tiny.config.put("num_local_experts", 2).put("num_experts_per_tok", 1);
    eachLayer(
        layer -> {
          tiny.add(layer + "self_attn.sinks", 4);
          for (String name : List.of("q", "k", "v", "o")) {
            boolean small = name.equals("k") || name.equals("v");
            tiny.add(layer + "self_attn." + name + "_proj.bias", small ? 16 : 32);
          }
          tiny.add(layer + "mlp.router.weight", 2, 32);
          tiny.add(layer + "mlp.router.bias", 2);
          tiny.add(layer + "mlp.experts.gate_up_proj_bias", 2, 64);
          tiny.add(layer + "mlp.experts.down_proj_bias", 2, 32);
        });
  }
}
