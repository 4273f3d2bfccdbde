package io.lorikeet.export.peft;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import io.lorikeet.quant.convert.ModelConverter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Each family that trains converts from Hugging Face's folders, and its adapters go out for PEFT
/// and come in again; else there is a reason. docs/models.md has it as a table.
@Tag("slow")
class EveryFamilyTest {
  private static final Path PAGE = Path.of("..", "docs", "models.md");

  /// Makes the test write the table instead of comparing it.
  private static final String WRITE = "lorikeet.writeDocs";

  private static final String HEAD =
      "| architecture | models | `convert` | `import`, `export` |\n|---|---|---|---|\n";

  /// Families that don't convert, and why.
  private static final Map<String, String> NOT_CONVERTED =
      Map.of(
          "falcon-h1", "no: many factors are folded in; use llama.cpp's converter",
          "ernie4_5-moe", "no: use llama.cpp's converter");

  /// Families whose adapters neither come from PEFT nor go there, and why.
  private static final Map<String, String> NOT_IN_PEFT =
      Map.of("falcon-h1", "no: the file doesn't tell the factors in its weights");

  /// A class of the transformers library for each family.
  private static final Map<String, String> CLASSES =
      Map.ofEntries(
          Map.entry("llama", "LlamaForCausalLM"),
          Map.entry("qwen2", "Qwen2ForCausalLM"),
          Map.entry("qwen2vl", "Qwen2_5_VLForConditionalGeneration"),
          Map.entry("qwen3", "Qwen3ForCausalLM"),
          Map.entry("qwen3vl", "Qwen3VLForConditionalGeneration"),
          Map.entry("qwen35", "Qwen3_5ForCausalLM"),
          Map.entry("gemma2", "Gemma2ForCausalLM"),
          Map.entry("gemma3", "Gemma3ForCausalLM"),
          Map.entry("gemma3n", "Gemma3nForCausalLM"),
          Map.entry("gemma4", "Gemma4ForCausalLM"),
          Map.entry("phi3", "Phi3ForCausalLM"),
          Map.entry("mistral3", "Ministral3ForCausalLM"),
          Map.entry("smollm3", "SmolLM3ForCausalLM"),
          Map.entry("granite", "GraniteForCausalLM"),
          Map.entry("granitemoe", "GraniteMoeForCausalLM"),
          Map.entry("granitehybrid", "GraniteMoeHybridForCausalLM"),
          Map.entry("muse-glimmer", "MuseGlimmerForConditionalGeneration"),
          Map.entry("nemotron_h", "NemotronHForCausalLM"),
          Map.entry("nemotron_h_moe", "NemotronHForCausalLM"),
          Map.entry("olmo2", "Olmo2ForCausalLM"),
          Map.entry("glm4", "Glm4ForCausalLM"),
          Map.entry("exaone4", "Exaone4ForCausalLM"),
          Map.entry("seed_oss", "SeedOssForCausalLM"),
          Map.entry("ernie4_5", "Ernie4_5ForCausalLM"),
          Map.entry("qwen2moe", "Qwen2MoeForCausalLM"),
          Map.entry("qwen3moe", "Qwen3MoeForCausalLM"),
          Map.entry("qwen3vlmoe", "Qwen3VLMoeForConditionalGeneration"),
          Map.entry("qwen35moe", "Qwen3_5MoeForCausalLM"),
          Map.entry("qwen3next", "Qwen3NextForCausalLM"),
          Map.entry("olmoe", "OlmoeForCausalLM"),
          Map.entry("lfm2", "Lfm2ForCausalLM"),
          Map.entry("lfm2moe", "Lfm2MoeForCausalLM"),
          Map.entry("gpt-oss", "GptOssForCausalLM"));

  private static final List<String> EXPERTS_ARE_PARAMETERS =
      List.of(
          "gemma4",
          "granitemoe",
          "granitehybrid",
          "nemotron_h_moe",
          "qwen3vlmoe",
          "qwen35moe",
          "lfm2moe",
          "gpt-oss");

  @TempDir private Path folder;

  private static String row(Family family) {
    String architecture = family.architecture();
    String experts = EXPERTS_ARE_PARAMETERS.contains(architecture) ? "yes, but experts" : "yes";
    return "| `%s` | %s | %s | %s |\n"
        .formatted(
            architecture,
            family.examples(),
            NOT_CONVERTED.getOrDefault(architecture, "yes"),
            NOT_IN_PEFT.getOrDefault(architecture, experts));
  }

  @Test
  void thePageHasTheTable() throws IOException {
    String table = HEAD + Family.ALL.stream().map(EveryFamilyTest::row).collect(joining());
    String page = Files.readString(PAGE);
    int from = page.indexOf(HEAD);
    String written =
        page.substring(0, from) + table + page.substring(page.indexOf("\n\n", from) + 1);
    if (Boolean.getBoolean(WRITE)) {
      Files.writeString(PAGE, written);
    }
    assertEquals(
        written,
        Files.readString(PAGE),
        "docs/models.md is out of date; write its table by: mvn -pl export -am test"
            + " -Dtest=EveryFamilyTest -Dsurefire.failIfNoSpecifiedTests=false"
            + " -DargLine=-D"
            + WRITE
            + "=true");
  }

  @Test
  void converts() throws IOException {
    TreeSet<String> known = new TreeSet<>(CLASSES.keySet());
    known.addAll(NOT_CONVERTED.keySet());
    assertEquals(
        Family.ALL.stream()
            .map(Family::architecture)
            .collect(Collectors.toCollection(TreeSet::new)),
        known);
    for (String name : new TreeSet<>(CLASSES.values())) {
      Path model = Files.createDirectory(folder.resolve(name));
      Files.writeString(
          model.resolve("config.json"), "{\"architectures\": [\"%s\"]}".formatted(name));
      Exception incomplete =
          assertThrows(
              InvalidInputException.class,
              () ->
                  ModelConverter.convert(
                      model, folder.resolve("out"), Optional.empty(), 1, _ -> {}));
      assertFalse(incomplete.getMessage().contains("can't be converted"), incomplete.getMessage());
    }
  }

  private static Stream<FamilyCase> cases() {
    return FamilyCase.all()
        .filter(one -> !one.name().equals("exaone4 windows")) // 64 layers
        .filter(one -> !NOT_IN_PEFT.containsKey(one.name().split(" ")[0]));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void adaptersGoOutAndComeIn(FamilyCase family) throws IOException {
    Path path = family.of(TensorType.F32).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(path)) {
      ModelConfig config = ModelConfig.of(base);
      List<LoraPair> named = new ArrayList<>();
      List<LoraPair> unnamed = new ArrayList<>();
      PeftPlaces places = PeftPlaces.of(base);
      for (LoraPair pair : RandomInputs.pairsOn(base, LoraTargets.trainable(config), 4, 1)) {
        boolean has = !places.of(base.tensor(pair.baseTensor()).orElseThrow()).isEmpty();
        (has ? named : unnamed).add(pair);
      }
      String architecture = config.architecture();
      assertComesBack(base, new LoraAdapter(architecture, 8, named));
      if (!unnamed.isEmpty()) {
        assertTrue(
            EXPERTS_ARE_PARAMETERS.contains(architecture)
                || unnamed.stream().allMatch(pair -> pair.baseTensor().contains("gate_up")),
            unnamed::toString);
        assertTrue(unnamed.stream().allMatch(pair -> pair.experts() > 1), unnamed::toString);
        Exception refused =
            assertThrows(
                InvalidInputException.class,
                () -> export(base, new LoraAdapter(architecture, 8, unnamed)));
        for (LoraPair pair : unnamed) {
          assertTrue(refused.getMessage().contains(pair.baseTensor()), refused.getMessage());
        }
      }
    }
  }

  /// Granite 4's dense models have the names of its mixtures, and the sizes of layers that they
  /// lack in their metadata.
  @Test
  void denseGranite4() throws IOException {
    FamilyCase granite =
        FamilyCase.all().filter(one -> one.name().equals("granite")).findFirst().orElseThrow();
    Path path =
        granite.of(TensorType.F32).put("ssm.state_size", 128).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(path)) {
      List<LoraPair> pairs =
          RandomInputs.pairsOn(base, LoraTargets.trainable(ModelConfig.of(base)), 4, 1);
      assertComesBack(base, new LoraAdapter("granite", 8, pairs));
      try (SafetensorsFile file =
          SafetensorsFile.open(folder.resolve("peft/" + PeftKeys.WEIGHTS))) {
        String module = "base_model.model.model.layers.1.shared_mlp.input_linear.";
        SafetensorsTensor b = file.tensor(module + "lora_B.weight").orElseThrow();
        assertEquals(List.of(256L, 8L), b.shape());
      }
    }
  }

  @Test
  void whatLlamaIgnoresDoesntComeIn() throws IOException {
    Path path =
        FamilyCase.named("gemma3n few layers")
            .of(TensorType.F32)
            .write(folder.resolve("base.gguf"));
    String router = "blk.0.altup_router.weight";
    try (GgufFile base = GgufFile.open(path)) {
      List<LoraPair> pairs = RandomInputs.pairsOn(base, List.of(router), 4, 1);
      Path peft = export(base, new LoraAdapter("gemma3n", 8, pairs));
      Exception refused =
          assertThrows(InvalidInputException.class, () -> PeftImporter.read(peft, base));
      assertTrue(refused.getMessage().contains(router + " has no use"), refused.getMessage());
    }
  }

  @Test
  void warnsOfWhatPeftRefuses() {
    LoraPair output = new LoraPair("blk.0.ssm_out.weight", 4, 4, 1, new float[4], new float[4]);
    LoraPair input = new LoraPair("blk.0.ssm_in.weight", 4, 4, 1, new float[4], new float[4]);
    assertTrue(warning("nemotron_h_moe", output, input).contains("there are 1 pairs"));
    assertEquals("", warning("nemotron_h_moe", input));
    assertEquals("", warning("granitehybrid", output));
  }

  private static String warning(String architecture, LoraPair... pairs) {
    return PeftExporter.warning(new LoraAdapter(architecture, 1, List.of(pairs))).orElse("");
  }

  private Path export(GgufFile base, LoraAdapter adapter) throws IOException {
    Path peft = folder.resolve("peft");
    AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
    PeftExporter.write(adapter, metadata, base, AdapterStorage.F32, peft);
    return peft;
  }

  private void assertComesBack(GgufFile base, LoraAdapter adapter) throws IOException {
    Path first = folder.resolve("first.gguf");
    Path second = folder.resolve("second.gguf");
    AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
    AdapterExporter.write(adapter, metadata, first);
    AdapterExporter.write(
        PeftImporter.read(export(base, adapter), base).adapter(), metadata, second);
    assertEquals(-1, Files.mismatch(first, second));
  }
}
