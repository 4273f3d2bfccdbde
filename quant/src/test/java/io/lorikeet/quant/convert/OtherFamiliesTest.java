package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Families that came after the others. Folders like these were converted by llama.cpp's
/// `convert_hf_to_gguf.py` as well, and every tensor and key was the same.
class OtherFamiliesTest extends FamilyConversion {
  private static final String PATTERN_OF_SEED =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}"
          + "| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

  @Test
  void seedOss() throws IOException {
    start("SeedOssForCausalLM");
    tiny.tokenizer = TinyFolder.byteLevelTokenizer(PATTERN_OF_SEED, false);
    eachLayer(
        layer -> {
          tiny.add(layer + "self_attn.q_proj.bias", 32);
          tiny.add(layer + "self_attn.k_proj.bias", 16);
          tiny.add(layer + "self_attn.v_proj.bias", 16);
        });
    try (GgufFile file = convert()) {
      assertUnchanged(
          file,
          "model.layers.1.post_attention_layernorm.weight",
          "blk.1.post_attention_norm.weight");
      assertUnchanged(file, "model.layers.0.self_attn.k_proj.bias", "blk.0.attn_k.bias");
      assertEquals("seed-coder", file.metadata().requireString("tokenizer.ggml.pre"));
    }
  }

  @Test
  void exaone4() throws IOException {
    startExaone();
    tiny.config.put("sliding_window", 16).put("sliding_window_pattern", "LG");
    ObjectNode rope = tiny.config.putObject("rope_scaling").put("rope_type", "llama3");
    rope.put("factor", 16.0).put("original_max_position_embeddings", 128);
    try (GgufFile file = convert()) {
      assertUnchanged(
          file, "model.layers.1.post_feedforward_layernorm.weight", "blk.1.post_ffw_norm.weight");
      assertUnchanged(
          file,
          "model.layers.1.post_attention_layernorm.weight",
          "blk.1.post_attention_norm.weight");
      assertEquals("exaone4", file.metadata().requireString("tokenizer.ggml.pre"));
      assertEquals(16, integer(file, "exaone4.attention.sliding_window"));
      assertArrayEquals(new byte[] {1, 0}, windows(file));
      // Wavelengths 6.3, 62.8, 628 and 6283 against 32 and 128.
      float[] factors = floats(file, "rope_freqs.weight");
      assertEquals(1, factors[0]);
      assertTrue(factors[1] > 1 && factors[1] < 16);
      assertArrayEquals(new float[] {16, 16}, Arrays.copyOfRange(factors, 2, 4));
    }
    tiny.config.put("sliding_window_pattern", 2);
    try (GgufFile file = convert()) {
      assertArrayEquals(new byte[] {1, 0}, windows(file));
    }
    tiny.config.putArray("layer_types").add("full_attention").add("sliding_attention");
    try (GgufFile file = convert()) {
      assertArrayEquals(new byte[] {0, 1}, windows(file));
    }
  }

  private void startExaone() {
    start("Exaone4ForCausalLM");
    tiny.remove("input_layernorm");
    tiny.tokenizer = TinyFolder.byteLevelTokenizer("x", false);
    tiny.tokenizer.putObject("pre_tokenizer").put("type", "ByteLevel");
    eachLayer(
        layer -> {
          tiny.add(layer + "post_feedforward_layernorm.weight", 32);
          tiny.add(layer + "self_attn.q_norm.weight", 8);
          tiny.add(layer + "self_attn.k_norm.weight", 8);
        });
  }

  private static byte[] windows(GgufFile file) {
    GgufValue.Array array =
        (GgufValue.Array)
            file.metadata().value("exaone4.attention.sliding_window_pattern").orElseThrow();
    assertEquals(GgufType.BOOL, array.elementType());
    return array.encoded().toArray(ValueLayout.JAVA_BYTE);
  }

  /// Older folders have other names, and matrices together.
  @Test
  void ernie() throws IOException {
    start("Ernie4_5_ForCausalLM");
    tiny.remove("q_proj");
    tiny.remove("k_proj");
    tiny.remove("v_proj");
    tiny.remove("gate_proj");
    tiny.remove("up_proj");
    eachLayer(
        layer -> {
          tiny.add(layer + "self_attn.qkv_proj.weight", 64, 32);
          tiny.add(layer + "mlp.up_gate_proj.weight", 128, 32);
        });
    Map<String, long[]> shapes = new HashMap<>(tiny.shapes);
    tiny.shapes.clear();
    shapes.forEach(
        (name, shape) -> {
          String older = name.replace("model.", "ernie.");
          tiny.shapes.put(older, shape);
          tiny.values.put(older, tiny.values.get(name));
        });
    tiny.tokenizerConfig.put("add_prefix_space", false);
    try (GgufFile file = convert()) {
      float[] qkv = tiny.values.get("ernie.layers.1.self_attn.qkv_proj.weight");
      assertArrayEquals(
          Arrays.copyOfRange(qkv, 48 * 32, 64 * 32), floats(file, "blk.1.attn_v.weight"));
      float[] both = tiny.values.get("ernie.layers.0.mlp.up_gate_proj.weight");
      assertArrayEquals(Arrays.copyOf(both, 64 * 32), floats(file, "blk.0.ffn_gate.weight"));
      assertArrayEquals(
          Arrays.copyOfRange(both, 64 * 32, 128 * 32), floats(file, "blk.0.ffn_up.weight"));
      assertFalse(file.metadata().requireBool("tokenizer.ggml.add_space_prefix"));
      assertUnchanged(file, "lm_head.weight", "output.weight");
    }
  }
}
