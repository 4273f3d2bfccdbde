package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Unsupported parts of a base are refused by name.
class FamilyRefusalTest {
  @TempDir Path folder;

  @Test
  void anotherArchitecture() throws IOException {
    Path file =
        RandomModel.of(TensorType.F32)
            .put("general.architecture", new GgufValue.TextValue("mamba"))
            .write(folder.resolve("m.gguf"));
    assertRefused(file, "'mamba'", "llama, qwen2, qwen2vl, qwen3", "gpt-oss");
  }

  @Test
  void keysThatNoLayerHas() throws IOException {
    for (int shared : new int[] {4, 5, 6}) {
      assertRefused(
          gemma4Shared().put("attention.shared_kv_layers", shared),
          "gemma4.attention.shared_kv_layers is " + shared + " of 5 layers, and two layers");
    }
  }

  @Test
  void keysOfLayersOfAnotherKind() throws IOException {
    String kind = "which isn't of its kind";
    assertRefused(
        gemma4Shared()
            .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1, 1, 1, 1, 0)),
        "layer 4 has no keys and values of its own and attends to those of layer 1, " + kind);
    assertRefused(
        gemma4Shared()
            .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(0, 0, 1, 1, 0)),
        "layer 2 has no keys and values of its own and attends to those of layer 0, " + kind);
    assertRefused(
        gemma4Shared().put("attention.head_count_kv", GgufValue.Array.ofInts(2, 1, 2, 4, 1)),
        "layer 3 has no keys and values of its own and attends to those of layer 0, " + kind);
  }

  @Test
  void keysThatNobodyAttendsTo() throws IOException {
    Path file =
        gemma4Shared()
            .withExtra("blk.3.attn_v.bias", 32L)
            .withExtra("blk.2.attn_q.bias", 64L)
            .write(folder.resolve("m.gguf"));
    assertRefused(file, "blk.3.attn_v.bias is unknown", "blk.2.attn_q.bias is unknown");
  }

  /// The table has other rows than the metadata says.
  @Test
  void embeddingsOfEachLayerOfAnotherWidth() throws IOException {
    Path file = gemma4Shared().write(folder.resolve("m.gguf"));
    byte[] bytes = Files.readAllBytes(file);
    String key = "gemma4.embedding_length_per_layer_input";
    int type = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(key) + key.length();
    for (int width : new int[] {0, 32, 1 << 28}) {
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(type + Integer.BYTES, width);
      Files.write(file, bytes);
      String all = width == 0 ? "is unknown" : "instead of [%s, 300]".formatted(5L * width);
      assertRefused(file, "per_layer_token_embd.weight", all, "blk.0.inp_gate.weight");
    }
  }

  @Test
  void embeddingsOfEachLayerInBlocksThatDontFit() throws IOException {
    RandomFamily family =
        gemma4Shared()
            .put("embedding_length_per_layer_input", 96)
            .put("block_count", 8)
            .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1, 0, 1, 1, 0, 1, 1, 0))
            .put("attention.shared_kv_layers", 6)
            .put("attention.head_count_kv", GgufValue.Array.ofInts(2, 1, 2, 2, 1, 2, 2, 1))
            .put("feed_forward_length", 64)
            .type("per_layer_token_embd", TensorType.Q4_K);
    assertRefused(
        family.write(folder.resolve("m.gguf")),
        "per_layer_token_embd.weight is q4_K, whose blocks of 256 elements don't fit the 96");
  }

  @Test
  void targetsBesideEmbeddingsOfEachLayer() throws IOException {
    Path file = gemma4Shared().with("output.weight").write(folder.resolve("m.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      ModelConfig config = ModelConfig.of(base);
      assertEquals(
          List.of("q", "k", "o", "gate", "up", "down", "inp_gate", "proj", "output"),
          LoraTargets.of(config));
      for (String target : List.of("token_embd", "per_layer_model_proj")) {
        InvalidInputException refusal =
            assertThrows(
                InvalidInputException.class, () -> LoraTargets.resolve(List.of(target), config));
        assertNames(refusal, "'" + target + "'");
      }
      assertEquals(
          List.of("blk.0.attn_k.weight", "blk.1.attn_k.weight"),
          LoraTargets.resolve(List.of("k"), config));
    }
  }

  private static RandomFamily gemma4Shared() {
    return FamilyCase.named("gemma4 shared keys").of(TensorType.F32);
  }

  @Test
  void rotationBySections() {
    assertRefused(
        new RandomFamily("glm4", TensorType.F32)
            .put("rope.dimension_sections", GgufValue.Array.ofInts(8, 8, 8, 0)),
        "sections");
  }

  @Test
  void sectionsThatLlamaCppWouldStopAt() {
    for (int[] sections : new int[][] {{16, 16, 16, 0}, {0, 0, 0, 8}, {-1, 4, 4, 0}, {4, 4}}) {
      for (String family : List.of("qwen35", "qwen2vl", "qwen3vl", "qwen3vlmoe")) {
        assertRefused(
            hybrid(family).put("rope.dimension_sections", GgufValue.Array.ofInts(sections)),
            family + ".rope.dimension_sections",
            "should be four numbers");
      }
    }
  }

  @Test
  void oneMatrixForAllThatADeltaNetReads() throws IOException {
    assertRefused(
        hybrid("qwen3next")
            .withExtra("blk.0.ssm_in.weight", 64L, 256L)
            .write(folder.resolve("m.gguf")),
        "blk.0.ssm_in.weight has queries, keys, values and their gate in one matrix");
  }

  @Test
  void valueHeadsThatCantShareKeys() {
    assertRefused(qwen35().put("ssm.time_step_rank", 3).put("ssm.inner_size", 48), "3 value heads");
  }

  @Test
  void sizesOfStatesThatLlamaCppWouldStopAt() {
    assertRefused(hybrid("granitehybrid").put("ssm.group_count", 3), "8 heads in 3 groups");
    assertRefused(hybrid("granitehybrid").put("ssm.inner_size", 64), "twice the embedding");
    assertRefused(hybrid("lfm2").put("shortconv.l_cache", 1), "over a single token");
  }

  @Test
  void expertsThatAreWeightedOtherwise() {
    assertRefused(hybrid("lfm2moe").put("expert_gating_func", 1), "expert_gating_func is 1");
  }

  private static RandomFamily qwen35() {
    return hybrid("qwen35");
  }

  private static RandomFamily hybrid(String architecture) {
    return FamilyCase.all()
        .filter(one -> one.name().equals(architecture))
        .findFirst()
        .orElseThrow()
        .of(TensorType.F32);
  }

  @Test
  void patternsThatAreTooShort() {
    assertRefused(
        new RandomFamily("gemma3", TensorType.F32)
            .put("attention.sliding_window", 8)
            .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1)),
        "fewer elements than there are layers");
  }

  @Test
  void rotationOfMoreThanAHead() {
    assertRefused(
        new RandomFamily("phi3", TensorType.F32).put("rope.dimension_count", 32),
        "rope.dimension_count is 32");
  }

  /// The metadata asks for more rows than an `int` counts; the tensors' shapes are then others.
  @Test
  void expertsThatNoMemoryHolds() throws IOException {
    Path file =
        new RandomFamily("qwen3moe", TensorType.F32)
            .put("expert_count", 8)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", 64)
            .write(folder.resolve("m.gguf"));
    byte[] bytes = Files.readAllBytes(file);
    byte[] key = "qwen3moe.expert_feed_forward_length".getBytes(StandardCharsets.UTF_8);
    int type = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(new String(key)) + key.length;
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(type + Integer.BYTES, 1 << 28);
    Files.write(file, bytes);
    assertRefused(
        file, "ffn_up_exps.weight has the shape [64, 64, 8] instead of [64, 268435456, 8]");
  }

  @Test
  void targetsThatAFamilyDoesntHave() throws IOException {
    Path file =
        new RandomFamily("phi3", TensorType.F32)
            .with("blk.0.attn_qkv.weight")
            .with("blk.1.attn_qkv.weight")
            .write(folder.resolve("m.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      ModelConfig config = ModelConfig.of(base);
      assertEquals(List.of("qkv", "o", "up", "down", "output"), LoraTargets.of(config));
      InvalidInputException refusal =
          assertThrows(
              InvalidInputException.class, () -> LoraTargets.resolve(List.of("gate"), config));
      assertTrue(refusal.getMessage().contains("qkv, o, up, down"), refusal.getMessage());
    }
  }

  /// Where the metadata is read before the file is written, or in the file.
  private void assertRefused(RandomFamily family, String... words) {
    Path file = folder.resolve("refused.gguf");
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () -> {
              family.write(file);
              try (GgufFile base = GgufFile.open(file)) {
                ModelConfig.of(base);
              }
            });
    assertNames(refusal, words);
  }

  private static void assertRefused(Path file, String... words) throws IOException {
    try (GgufFile base = GgufFile.open(file)) {
      assertNames(assertThrows(InvalidInputException.class, () -> ModelConfig.of(base)), words);
    }
  }

  private static void assertNames(InvalidInputException refusal, String... words) {
    for (String word : words) {
      assertTrue(refusal.getMessage().contains(word), refusal.getMessage());
    }
  }
}
