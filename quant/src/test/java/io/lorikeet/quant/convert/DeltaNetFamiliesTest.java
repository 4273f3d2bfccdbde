package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Qwen3-Next and Qwen 3.5, whose first of two layers is a gated delta net here: two key heads of 8
/// with three value heads each. Folders like these were converted by llama.cpp's
/// `convert_hf_to_gguf.py` as well, and every tensor and key was the same.
class DeltaNetFamiliesTest extends FamilyConversion {
  private static final int WIDTH = TinyFolder.WIDTH;
  private static final String NET = "model.layers.0.linear_attn.";

  /// Where the value head of each place in the file is stored.
  private static final int[] STORED = {0, 3, 1, 4, 2, 5};

  private static final String PATTERN =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private void start(String architecture, boolean together) {
    start(architecture);
    tiny.tokenizer = TinyFolder.byteLevelTokenizer(PATTERN, false);
    tiny.remove("self_attn.");
    tiny.config.put("head_dim", 16).put("linear_conv_kernel_dim", 4);
    tiny.config.put("linear_num_key_heads", 2).put("linear_num_value_heads", 6);
    tiny.config.put("linear_key_head_dim", 8).put("linear_value_head_dim", 8);
    tiny.config.putArray("layer_types").add("linear_attention").add("full_attention");
    tiny.config.putObject("rope_parameters").putArray("mrope_section").add(1).add(1).add(0);
    attention("model.layers.1.");
    tiny.add(NET + "conv1d.weight", 80, 1, 4);
    tiny.add(NET + "dt_bias", 6);
    tiny.add(NET + "A_log", 6);
    tiny.add(NET + "norm.weight", 8);
    tiny.add(NET + "out_proj.weight", WIDTH, 48);
    if (together) {
      tiny.add(NET + "in_proj_qkvz.weight", 128, WIDTH);
      tiny.add(NET + "in_proj_ba.weight", 12, WIDTH);
    } else {
      tiny.add(NET + "in_proj_qkv.weight", 80, WIDTH);
      tiny.add(NET + "in_proj_z.weight", 48, WIDTH);
      tiny.add(NET + "in_proj_a.weight", 6, WIDTH);
      tiny.add(NET + "in_proj_b.weight", 6, WIDTH);
    }
  }

  private void attention(String layer) {
    tiny.add(layer + "self_attn.q_proj.weight", 128, WIDTH);
    tiny.add(layer + "self_attn.k_proj.weight", 32, WIDTH);
    tiny.add(layer + "self_attn.v_proj.weight", 32, WIDTH);
    tiny.add(layer + "self_attn.o_proj.weight", WIDTH, 64);
    tiny.add(layer + "self_attn.q_norm.weight", 16);
    tiny.add(layer + "self_attn.k_norm.weight", 16);
  }

  private void experts(String layer) {
    tiny.add(layer + "mlp.gate.weight", 4, WIDTH);
    tiny.add(layer + "mlp.experts.gate_up_proj", 4, 64, WIDTH);
    tiny.add(layer + "mlp.experts.down_proj", 4, WIDTH, 32);
    tiny.add(layer + "mlp.shared_expert.gate_proj.weight", 24, WIDTH);
    tiny.add(layer + "mlp.shared_expert.up_proj.weight", 24, WIDTH);
    tiny.add(layer + "mlp.shared_expert.down_proj.weight", WIDTH, 24);
    tiny.add(layer + "mlp.shared_expert_gate.weight", 1, WIDTH);
  }

  private void withExperts() {
    tiny.remove("mlp.");
    tiny.config.put("num_experts", 4).put("num_experts_per_tok", 2);
    tiny.config.put("moe_intermediate_size", 32).put("shared_expert_intermediate_size", 24);
    eachLayer(this::experts);
  }

  @Test
  void qwen35() throws IOException {
    start("Qwen3_5ForConditionalGeneration", false);
    try (GgufFile file = convert()) {
      assertEquals("qwen35", file.metadata().requireString("general.architecture"));
      assertEquals("qwen35", file.metadata().requireString("tokenizer.ggml.pre"));
      assertEquals(2, integer(file, "qwen35.block_count"));
      assertEquals(6, integer(file, "qwen35.ssm.time_step_rank"));
      assertEquals(48, integer(file, "qwen35.ssm.inner_size"));
      assertEquals(4, integer(file, "qwen35.rope.dimension_count"));
      assertArrayEquals(
          new int[] {1, 1, 0, 0}, file.metadata().requireInts("qwen35.rope.dimension_sections"));
      assertArrayEquals(new byte[] {1, 0}, recurrent(file, "qwen35"));
      assertEquals(
          tiny.values.get("model.layers.1.self_attn.q_norm.weight")[3] + 1,
          floats(file, "blk.1.attn_q_norm.weight")[3]);
      assertUnchanged(file, NET + "norm.weight", "blk.0.ssm_norm.weight");
      assertUnchanged(file, "model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight");
      assertValueHeads(file);
    }
  }

  /// Every number of every value head stands at the head's new place.
  private void assertValueHeads(GgufFile file) {
    float[] qkv = floats(file, "blk.0.attn_qkv.weight");
    float[] gate = floats(file, "blk.0.attn_gate.weight");
    float[] kernel = floats(file, "blk.0.ssm_conv1d.weight");
    float[] out = floats(file, "blk.0.ssm_out.weight");
    for (int head = 0; head < 6; head++) {
      int stored = STORED[head];
      assertEquals(
          tiny.values.get(NET + "in_proj_a.weight")[stored * WIDTH + 5],
          floats(file, "blk.0.ssm_alpha.weight")[head * WIDTH + 5]);
      assertEquals(
          tiny.values.get(NET + "in_proj_b.weight")[stored * WIDTH + 6],
          floats(file, "blk.0.ssm_beta.weight")[head * WIDTH + 6]);
      assertEquals(
          tiny.values.get(NET + "dt_bias")[stored], floats(file, "blk.0.ssm_dt.bias")[head]);
      assertEquals(
          -Math.exp(tiny.values.get(NET + "A_log")[stored]),
          floats(file, "blk.0.ssm_a")[head],
          1e-6);
      for (int i = 0; i < 8; i++) {
        int to = head * 8 + i;
        int from = stored * 8 + i;
        assertEquals(
            tiny.values.get(NET + "in_proj_qkv.weight")[(32 + from) * WIDTH + 7],
            qkv[(32 + to) * WIDTH + 7]);
        assertEquals(
            tiny.values.get(NET + "in_proj_z.weight")[from * WIDTH + 8], gate[to * WIDTH + 8]);
        assertEquals(
            tiny.values.get(NET + "conv1d.weight")[(32 + from) * 4 + 1], kernel[(32 + to) * 4 + 1]);
        assertEquals(tiny.values.get(NET + "out_proj.weight")[9 * 48 + from], out[9 * 48 + to]);
      }
    }
    for (int i = 0; i < 32; i++) {
      assertEquals(
          tiny.values.get(NET + "in_proj_qkv.weight")[i * WIDTH], qkv[i * WIDTH], "row " + i);
    }
  }

  private static byte[] recurrent(GgufFile file, String architecture) {
    GgufValue.Array array =
        (GgufValue.Array)
            file.metadata().value(architecture + ".attention.recurrent_layers").orElseThrow();
    return array.encoded().toArray(ValueLayout.JAVA_BYTE);
  }

  /// With a layer that predicts further tokens, which some names in the folder leave out.
  @Test
  void qwen35Moe() throws IOException {
    start("Qwen3_5MoeForCausalLM", false);
    withExperts();
    tiny.config.remove("intermediate_size");
    String layer = "mtp.layers.0.";
    attention(layer);
    experts(layer);
    tiny.add(layer + "input_layernorm.weight", WIDTH);
    tiny.add(layer + "post_attention_layernorm.weight", WIDTH);
    tiny.add("mtp.fc.weight", WIDTH, 2 * WIDTH);
    tiny.add("mtp.pre_fc_norm_embedding.weight", WIDTH);
    tiny.add("mtp.pre_fc_norm_hidden.weight", WIDTH);
    tiny.add("mtp.norm.weight", WIDTH);
    try (GgufFile file = convert()) {
      assertEquals(3, integer(file, "qwen35moe.block_count"));
      assertEquals(1, integer(file, "qwen35moe.nextn_predict_layers"));
      assertArrayEquals(new byte[] {1, 0, 0}, recurrent(file, "qwen35moe"));
      assertEquals(32, integer(file, "qwen35moe.expert_feed_forward_length"));
      assertEquals(24, integer(file, "qwen35moe.expert_shared_feed_forward_length"));
      assertUnchanged(file, "mtp.fc.weight", "blk.2.nextn.eh_proj.weight");
      assertEquals(
          tiny.values.get("mtp.pre_fc_norm_hidden.weight")[2] + 1,
          floats(file, "blk.2.nextn.hnorm.weight")[2]);
      assertEquals(
          tiny.values.get("mtp.norm.weight")[2] + 1,
          floats(file, "blk.2.nextn.shared_head_norm.weight")[2]);
      assertUnchanged(file, layer + "mlp.experts.down_proj", "blk.2.ffn_down_exps.weight");
      assertUnchanged(
          file, "model.layers.0.mlp.shared_expert_gate.weight", "blk.0.ffn_gate_inp_shexp.weight");
      assertValueHeads(file);
    }
  }

  @Test
  void qwen3Next() throws IOException {
    start("Qwen3NextForCausalLM", true);
    withExperts();
    tiny.config.remove("rope_parameters");
    try (GgufFile file = convert()) {
      assertEquals("qwen3next", file.metadata().requireString("general.architecture"));
      assertTrue(file.metadata().value("qwen3next.rope.dimension_sections").isEmpty());
      assertUnchanged(file, NET + "in_proj_ba.weight", "blk.0.ssm_ba.weight");
      assertUnchanged(file, NET + "out_proj.weight", "blk.0.ssm_out.weight");
      assertUnchanged(file, NET + "conv1d.weight", "blk.0.ssm_conv1d.weight");
      // Of each key head 8 rows of queries, 8 of keys, 24 of values, 24 of the gate.
      float[] stored = tiny.values.get(NET + "in_proj_qkvz.weight");
      float[] qkv = floats(file, "blk.0.attn_qkv.weight");
      float[] gate = floats(file, "blk.0.attn_gate.weight");
      for (int key = 0; key < 2; key++) {
        for (int i = 0; i < 24; i++) {
          int group = key * 64;
          if (i < 8) {
            assertEquals(stored[(group + i) * WIDTH + 1], qkv[(key * 8 + i) * WIDTH + 1]);
            assertEquals(stored[(group + 8 + i) * WIDTH + 1], qkv[(16 + key * 8 + i) * WIDTH + 1]);
          }
          assertEquals(stored[(group + 16 + i) * WIDTH], qkv[(32 + key * 24 + i) * WIDTH]);
          assertEquals(stored[(group + 40 + i) * WIDTH], gate[(key * 24 + i) * WIDTH]);
        }
      }
    }
  }

  @Test
  void halvesOfSizesAreRoundedToEven() {
    WeightRows rows = new WeightRows(List.of(40_500L), "x", (_, _) -> {});
    assertEquals(
        "40K", GeneralMetadata.sizeLabel(List.of(new OutputTensor.NumberTensor("x", rows))));
  }

  @Test
  void smallMatricesKeepTheirTypes() throws IOException {
    start("Qwen3_5MoeForCausalLM", false);
    withExperts();
    ModelConverter.convert(tiny.write(), output, Optional.of("Q8_0"), 1, _ -> {});
    try (GgufFile file = GgufFile.open(output)) {
      for (String name :
          List.of("ssm_conv1d.weight", "ffn_gate_inp_shexp.weight", "ssm_a", "ssm_dt.bias")) {
        assertEquals(TensorType.F32, file.tensor("blk.0." + name).orElseThrow().type(), name);
      }
      assertEquals(TensorType.Q8_0, file.tensor("blk.0.attn_qkv.weight").orElseThrow().type());
    }
  }

  @Test
  void sizesThatDontFitAreRefused() throws IOException {
    start("Qwen3_5ForCausalLM", false);
    tiny.config.put("linear_value_head_dim", 16);
    assertRefused("'linear_value_head_dim' differ");
    tiny.config.put("linear_value_head_dim", 8).put("linear_num_value_heads", 5);
    assertRefused("no multiple of 'linear_num_key_heads' 2");
    tiny.config.put("linear_num_value_heads", 4);
    assertRefused("'" + NET + "in_proj_qkv.weight' has the shape [32, 80]");
    tiny.config.put("linear_num_value_heads", 6).putArray("layer_types").add("full_attention");
    assertRefused("'layer_types' has 1 elements for 2 layers");
    start("Qwen3_5ForCausalLM", false);
    tiny.config.remove("rope_parameters");
    assertRefused("'mrope_section' is [11, 11, 10, 0], which doesn't fit heads of 16");
    start("Qwen3NextForCausalLM", true);
    withExperts();
    tiny.config.remove("rope_parameters");
    tiny.config.put("norm_topk_prob", false);
    assertRefused("'norm_topk_prob' is false");
    tiny.config.put("norm_topk_prob", true).put("decoder_sparse_step", 2);
    assertRefused("'decoder_sparse_step'");
  }

  private void assertRefused(String part) {
    InvalidInputException refused = assertThrows(InvalidInputException.class, this::convert);
    assertTrue(refused.getMessage().contains(part), refused.getMessage());
  }
}
