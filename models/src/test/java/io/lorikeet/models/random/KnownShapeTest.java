package io.lorikeet.models.random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.ModelQuantizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KnownShapeTest {
  @TempDir private Path folder;

  @Test
  void thirtyModelsWithADistinctNameEach() {
    assertTrue(KnownShape.ALL.size() > 30);
    for (KnownShape shape : KnownShape.ALL) {
      assertEquals(shape, KnownShape.named(shape.name()).orElseThrow());
    }
  }

  /// The totals that Hugging Face shows of the published safetensors.
  @ParameterizedTest
  @CsvSource({
    "TinyLlama-1.1B, 1100048384",
    "Llama-2-7B, 6738415616",
    "Llama-2-13B, 13015864320",
    "Llama-3.2-1B, 1235814400",
    "Llama-3.2-3B, 3212749824",
    "Llama-3.1-8B, 8030261248",
    "Llama-3.3-70B, 70553706496",
    "SmolLM2-1.7B, 1711376384",
    "SmolLM3-3B, 3075098624",
    "Mistral-7B, 7248023552",
    "Mistral-Nemo-12B, 12247782400",
    "Mixtral-8x7B, 46702792704",
    "Qwen2.5-1.5B, 1543714304",
    "Qwen2.5-3B, 3085938688",
    "Qwen2.5-7B, 7615616512",
    "Qwen2.5-14B, 14770033664",
    "Qwen2.5-32B, 32763876352",
    "Qwen2.5-72B, 72706203648",
    "Qwen3-4B, 4022468096",
    "Qwen3-8B, 8190735360",
    "Qwen3-14B, 14768307200",
    "Qwen3-32B, 32762123264",
    "Qwen3-30B-A3B, 30532122624",
    "Gemma-2-2B, 2614341888",
    "Gemma-2-9B, 9241705984",
    "Gemma-2-27B, 27227128320",
    "Gemma-3-1B, 999885952",
    "Phi-3.5-mini, 3821079552",
    "Phi-4-mini, 3836021760",
    "Phi-4, 14659507200",
    "gpt-oss-20b, 20914757184",
    "LFM2-1.2B, 1170340608",
    "LFM2-2.6B, 2569272320",
  })
  void hasAsManyWeightsAsThePublishedModel(String name, long weights) {
    assertEquals(weights, KnownShape.named(name).orElseThrow().weights());
  }

  /// Billions of weights that the publisher names.
  @ParameterizedTest
  @CsvSource({"Gemma-4-26B-A4B, 25.2", "Gemma-4-31B, 30.7"})
  void hasTheWeightsThatItsPublisherNames(String name, double billions) {
    assertEquals(billions, KnownShape.named(name).orElseThrow().weights() / 1e9, 0.05);
  }

  @ParameterizedTest
  @CsvSource({
    "llama3.1-8b, Llama-3.1-8B",
    "meta-llama/Meta-Llama-3.1-8B-Instruct, Llama-3.1-8B",
    "QWEN3_8B, Qwen3-8B",
    "Qwen/Qwen2.5-Coder-7B-Instruct, Qwen2.5-7B",
    "gemma-3-27b-it, Gemma-3-27B",
    "mistral-7b-instruct-v0.3, Mistral-7B",
    "phi-4, Phi-4",
  })
  void namesAreTakenAsPeopleWriteThem(String written, String name) {
    assertEquals(name, KnownShape.named(written).orElseThrow().name());
  }

  @Test
  void everyHeadIsACompleteModel() throws IOException {
    for (KnownShape shape : KnownShape.ALL) {
      Path head = shape.writeHead(folder.resolve("head.gguf"), TensorType.Q4_K);
      try (GgufFile file = GgufFile.openHeader(head)) {
        assertEquals(shape.architecture(), ModelConfig.of(file).architecture());
      }
    }
  }

  /// Layers that are left out are the last ones, which are those that use others' keys.
  @Test
  void theFirstLayersAreACompleteModel() throws IOException {
    for (KnownShape shape : KnownShape.ALL) {
      KnownShape cut = shape.firstLayers(2);
      Path head = cut.writeHead(folder.resolve("cut.gguf"), TensorType.Q4_K);
      try (GgufFile file = GgufFile.openHeader(head)) {
        assertEquals(2, ModelConfig.of(file).layers(), shape.name());
        assertTrue(file.tensor("blk.2.attn_norm.weight").isEmpty(), shape.name());
      }
      assertTrue(cut.weights() < shape.weights());
      assertEquals(shape.weights(), shape.firstLayers(shape.layers()).weights());
    }
  }

  /// The types agree with llama.cpp's own dry run on a small model of the same form.
  @ParameterizedTest
  @CsvSource({
    "Q4_K, Q4_K_M, 80, 4, false",
    "Q4_K, Q4_K_M, 9, 1, true",
    "Q5_K, Q5_K_M, 9, 4, false",
    "IQ4_XS, IQ4_XS, 9, 4, true",
    "IQ4_NL, IQ4_NL, 9, 1, false",
    "Q4_0, Q4_0, 2, 1, true",
    "Q8_0, Q8_0, 2, 1, true",
    "Q6_K, Q6_K, 2, 1, false",
  })
  void typesAreThoseOfLlamaCpp(
      TensorType type, String recipe, int layers, int queriesPerKey, boolean tied)
      throws IOException {
    RandomModel model =
        RandomModel.of(TensorType.F16)
            .layers(layers)
            .width(256)
            .feedForward(layers < 9 ? 288 : 256) // 288 are no whole number of blocks of 256
            .heads(4, 4 / queriesPerKey);
    Path file = (tied ? model.tied() : model).write(folder.resolve("model.gguf"));
    assertTypes(file, type, recipe, layers, queriesPerKey, 0, tied);
  }

  /// As above, where only some layers attend, values lie with queries and keys, or layers have
  /// experts.
  @ParameterizedTest
  @CsvSource({
    "lfm2, Q4_K, Q4_K_M, 0, 0, true",
    "lfm2, IQ4_XS, IQ4_XS, 0, 0, true",
    "lfm2moe, Q4_K, Q4_K_M, 0, 6, true",
    "qwen35, Q4_K, Q4_K_M, 2, 0, false",
    "qwen35, Q5_K, Q5_K_M, 2, 0, false",
    "qwen35moe, Q4_K, Q4_K_M, 2, 6, false",
    "qwen35moe, IQ4_XS, IQ4_XS, 2, 6, false",
  })
  void typesOfHybridsAreThoseOfLlamaCpp(
      String name, TensorType type, String recipe, int queriesPerKey, int experts, boolean tied)
      throws IOException {
    RandomFamily model =
        FamilyCase.all()
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow()
            .of(TensorType.F16)
            .put("block_count", 9)
            .put("embedding_length", 256)
            .put("feed_forward_length", 256);
    if (name.startsWith("lfm2")) {
      model.put("attention.head_count_kv", GgufValue.Array.ofInts(0, 0, 2, 0, 2, 0, 2, 2, 0));
    }
    Path file = model.write(folder.resolve("model.gguf"));
    assertTypes(file, type, recipe, 9, queriesPerKey, experts, tied);
  }

  private void assertTypes(
      Path file,
      TensorType type,
      String recipe,
      int layers,
      int queriesPerKey,
      int experts,
      boolean tied)
      throws IOException {
    Map<String, TensorType> planned =
        ModelQuantizer.plan(file, recipe, Optional.empty()).stream()
            .collect(Collectors.toMap(GgufTensor::name, GgufTensor::type));
    try (GgufFile gguf = GgufFile.open(file)) {
      List<Integer> valueLayers = ShapeTypes.valueLayers(planned.keySet());
      ShapeTypes types = new ShapeTypes(type, layers, valueLayers, queriesPerKey, experts, tied);
      for (GgufTensor tensor : gguf.tensors()) {
        assertEquals(
            planned.get(tensor.name()), types.of(tensor.name(), tensor.shape()), tensor.name());
      }
    }
  }
}
