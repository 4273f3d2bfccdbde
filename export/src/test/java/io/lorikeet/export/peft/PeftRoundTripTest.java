package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Out as a folder for PEFT and in again: the same bytes.
class PeftRoundTripTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void givesTheSameBytes(AdapterStorage storage) throws IOException {
    Path basePath = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(basePath)) {
      List<String> roles =
          List.of("attn_q", "attn_k", "attn_v", "ffn_up", "ffn_down", "token_embd", "output");
      Map<String, String> training = new LinkedHashMap<>();
      training.put("rslora", "true");
      training.put("learning-rate", "2e-4");
      training.put("alpha", "3 \"quoted\"");
      LoraAdapter adapter = new LoraAdapter("llama", 7.3f, RandomInputs.pairs(base, roles, 5, 3));
      JsonNode config = assertComesBack(base, adapter, training, storage);
      assertTrue(config.get("use_rslora").asBoolean());
      assertEquals(7.3f / Math.sqrt(5), config.get("lora_alpha").asDouble(), 1e-6);
      assertEquals(5, config.get("r").asInt());
      List<String> targets = new ArrayList<>();
      config.get("target_modules").forEach(target -> targets.add(target.asText()));
      assertEquals(
          List.of("embed_tokens", "q_proj", "k_proj", "v_proj", "up_proj", "down_proj", "lm_head")
              .stream()
              .sorted()
              .toList(),
          targets.stream().sorted().toList());
    }
  }

  @Test
  void activated() throws IOException {
    Path basePath = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(basePath)) {
      LoraAdapter adapter =
          new LoraAdapter("llama", 4, RandomInputs.pairs(base, List.of("attn_q"), 2, 1))
              .activatedBy(Optional.of(new Invocation(List.of(7, 300))));
      JsonNode config = assertComesBack(base, adapter, Map.of(), AdapterStorage.F32);
      assertEquals("[7,300]", config.get("alora_invocation_tokens").toString());
      assertTrue(PeftExporter.warning(adapter).orElseThrow().contains("one token later"));
    }
  }

  @Test
  void ranksThatDiffer() throws IOException {
    Path basePath = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(basePath)) {
      List<LoraPair> pairs = new ArrayList<>(RandomInputs.pairs(base, List.of("attn_q"), 3, 1));
      pairs.addAll(RandomInputs.pairs(base, List.of("ffn_down"), 2, 1).subList(1, 2));
      LoraAdapter adapter = new LoraAdapter("llama", 6, ordered(base, pairs));
      JsonNode config = assertComesBack(base, adapter, Map.of(), AdapterStorage.F32);
      assertEquals(3, config.get("r").asInt());
      assertEquals(6, config.get("lora_alpha").asInt());
      assertFalse(config.get("use_rslora").asBoolean());
      assertEquals(
          "{\"layers\\\\.1\\\\.mlp\\\\.down_proj\":2}", config.get("rank_pattern").toString());
      assertEquals(
          "[\"q_proj\",\"layers.1.mlp.down_proj\"]", config.get("target_modules").toString());
    }
  }

  private static List<LoraPair> ordered(GgufFile base, List<LoraPair> pairs) {
    return base.tensors().stream()
        .flatMap(tensor -> pairs.stream().filter(p -> p.baseTensor().equals(tensor.name())))
        .toList();
  }

  /// A base with queries, keys and values in one tensor and a mixture of experts, which nothing
  /// could run.
  private GgufFile base(String architecture) throws IOException {
    Path path = folder.resolve(architecture + ".gguf");
    new GgufWriter()
        .putString("general.architecture", architecture)
        .putStrings("tokenizer.ggml.tokens", List.of("a"))
        .putUint32(architecture + ".attention.head_count", 2)
        .putUint32(architecture + ".attention.head_count_kv", 1)
        .addTensor("token_embd.weight", new long[] {8, 3}, new float[24])
        .addTensor("blk.0.attn_qkv.weight", new long[] {8, 16}, new float[128])
        .addTensor("blk.0.ffn_up.weight", new long[] {8, 12}, new float[96])
        .addTensor("blk.0.ffn_up_exps.weight", new long[] {8, 6, 3}, new float[144])
        .write(path);
    return GgufFile.open(path);
  }

  private static LoraPair pair(String name, int inputs, int outputs, int rank, int experts) {
    SplittableRandom random = new SplittableRandom(name.hashCode());
    float[] a = new float[inputs * rank * experts];
    float[] b = new float[rank * outputs * experts];
    for (int i = 0; i < a.length; i++) {
      a[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < b.length; i++) {
      b[i] = (float) random.nextGaussian();
    }
    return new LoraPair(name, inputs, outputs, rank, experts, a, b);
  }

  @Test
  void fusedTensorsAndExperts() throws IOException {
    List<LoraPair> pairs =
        List.of(
            pair("blk.0.attn_qkv.weight", 8, 16, 2, 1),
            pair("blk.0.ffn_up.weight", 8, 12, 2, 1),
            pair("blk.0.ffn_up_exps.weight", 8, 6, 2, 3));
    for (String architecture : List.of("llama", "qwen3moe", "phi3")) {
      try (GgufFile base = base(architecture)) {
        LoraAdapter adapter = new LoraAdapter(architecture, 4, pairs);
        assertComesBack(base, adapter, Map.of(), AdapterStorage.F32);
        try (SafetensorsFile file = weights()) {
          String layer = "base_model.model.model.layers.0.";
          boolean phi = architecture.equals("phi3");
          boolean llama = architecture.equals("llama");
          String qkv = layer + "self_attn." + (phi ? "qkv_proj" : "k_proj") + ".lora_B.weight";
          assertEquals(
              List.of(phi ? 16L : 4L, 2L), file.tensor(qkv).orElseThrow().shape(), architecture);
          assertTrue(
              file.tensor(layer + "mlp." + (phi ? "gate_up" : "up") + "_proj.lora_A.weight")
                  .isPresent());
          String expert = llama ? "block_sparse_moe.experts.2.w3" : "mlp.experts.2.up_proj";
          assertEquals(
              List.of(6L, 2L),
              file.tensor(layer + expert + ".lora_B.weight").orElseThrow().shape());
        }
      }
    }
  }

  @Test
  void modulesThatWereTrainedApartBecomeOnePair() throws IOException {
    try (GgufFile base = base("qwen2")) {
      // As of an adapter of q and v alone, each with an A of its own.
      LoraPair q = pair("q", 8, 8, 2, 1);
      LoraPair v = pair("v", 8, 4, 1, 1);
      String layer = "base_model.model.model.layers.0.self_attn.";
      Path peft = Files.createDirectories(folder.resolve("peft"));
      new SafetensorsWriter()
          .addTensor(layer + "q_proj.lora_A.weight", new long[] {2, 8}, q.a())
          .addTensor(layer + "q_proj.lora_B.weight", new long[] {8, 2}, q.b())
          .addTensor(layer + "v_proj.lora_A.weight", new long[] {1, 8}, v.a())
          .addTensor(layer + "v_proj.lora_B.weight", new long[] {4, 1}, v.b())
          .write(peft.resolve("adapter_model.safetensors"));
      Files.writeString(
          peft.resolve("adapter_config.json"),
          "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"rank_pattern\": {\"v_proj\": 1}, \"alpha_pattern\": {\"v_proj\": 3}}");
      LoraAdapter adapter = PeftImporter.read(peft, base).adapter();
      LoraPair joined = adapter.pairs().getFirst();
      assertEquals(3, joined.rank());
      for (int i = 0; i < 8; i++) {
        for (int o = 0; o < 16; o++) {
          double expected = 0;
          if (o < 8) {
            for (int k = 0; k < 2; k++) {
              expected += 2 * q.b()[o * 2 + k] * q.a()[k * 8 + i];
            }
          } else if (o >= 12) {
            expected = 3 * v.b()[o - 12] * v.a()[i];
          }
          double actual = 0;
          for (int k = 0; k < 3; k++) {
            actual += adapter.alpha() / 3 * joined.b()[o * 3 + k] * joined.a()[k * 8 + i];
          }
          assertEquals(expected, actual, 1e-5, o + ", " + i);
        }
      }
    }
  }

  /// The file may be a tokenizer's, or of an adapter that was exported before.
  @Test
  void keepsATemplateThatIsNotTheAdapters() throws IOException {
    Path basePath = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path template = Files.createDirectory(folder.resolve("peft")).resolve("chat_template.jinja");
    Files.writeString(template, "{{ 'other' }}");
    try (GgufFile base = GgufFile.open(basePath)) {
      LoraAdapter adapter =
          new LoraAdapter("llama", 4, RandomInputs.pairs(base, List.of("attn_q"), 2, 1));
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      Exception refused =
          assertThrows(
              InvalidInputException.class,
              () ->
                  PeftExporter.write(
                      adapter, metadata, base, AdapterStorage.F32, template.getParent()));
      assertTrue(refused.getMessage().contains("chat_template.jinja"), refused.getMessage());
    }
    assertEquals("{{ 'other' }}", Files.readString(template));
    assertFalse(Files.exists(template.resolveSibling("adapter_config.json")));
  }

  @Test
  void refusesWhatPeftHasNoNameFor() throws IOException {
    try (GgufFile base = base("gpt-oss")) {
      LoraAdapter adapter =
          new LoraAdapter("gpt-oss", 4, List.of(pair("blk.0.ffn_up_exps.weight", 8, 6, 2, 3)));
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      Path out = folder.resolve("peft");
      Exception refused =
          assertThrows(
              InvalidInputException.class,
              () -> PeftExporter.write(adapter, metadata, base, AdapterStorage.F32, out));
      assertTrue(refused.getMessage().contains("blk.0.ffn_up_exps.weight"), refused.getMessage());
      assertFalse(Files.exists(out));
    }
    try (GgufFile base = base("mamba")) {
      LoraAdapter adapter = new LoraAdapter("mamba", 4, List.of());
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      assertThrows(
          InvalidInputException.class,
          () -> PeftExporter.write(adapter, metadata, base, AdapterStorage.F32, folder));
    }
  }

  /// @return the configuration that was written
  private JsonNode assertComesBack(
      GgufFile base, LoraAdapter adapter, Map<String, String> training, AdapterStorage storage)
      throws IOException {
    Path first = folder.resolve("first.gguf");
    Path second = folder.resolve("second.gguf");
    Path peft = folder.resolve("peft");
    Optional<TrainedTemplate> template =
        training.isEmpty()
            ? Optional.empty()
            : Optional.of(new TrainedTemplate("the file é.jinja", "{{ messages }}\n\u20ac"));
    AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), training, template);
    AdapterExporter.write(adapter, metadata, storage, first);
    AdapterFile file = AdapterFile.read(first, base);
    PeftExporter.write(file.adapter(), metadata, base, storage, peft);
    try (SafetensorsFile weights = weights()) {
      SafetensorsType type = weights.tensors().getFirst().type();
      assertEquals(storage.name(), type.name());
      assertEquals("pt", weights.metadata().get("format"));
    }
    assertEquals(template.isPresent(), Files.exists(peft.resolve("chat_template.jinja")));
    PeftImporter.Imported imported = PeftImporter.read(peft, base);
    assertEquals(base.hash(), imported.baseHash().orElseThrow());
    AdapterExporter.write(
        imported.adapter(),
        new AdapterMetadata(BaseIdentity.of(base), imported.training(), imported.template()),
        imported.storage(),
        second);
    assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
    return new JsonMapper().readTree(Files.readString(peft.resolve("adapter_config.json")));
  }

  private SafetensorsFile weights() throws IOException {
    return SafetensorsFile.open(folder.resolve("peft").resolve("adapter_model.safetensors"));
  }
}
