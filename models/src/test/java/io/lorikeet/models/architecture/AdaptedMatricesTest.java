package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.FixedMatrices;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The matrices that train are those whose pairs llama.cpp applies. docs/models.md has them as a
/// table.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class AdaptedMatricesTest {
  private static final Path PAGE = Path.of("..", "docs", "models.md");

  /// Makes the test write the table instead of comparing it.
  private static final String WRITE = "lorikeet.writeDocs";

  private static final String HEAD =
      "| architecture | `all-linear` | stays as it is | ignored by llama.cpp |\n|---|---|---|---|\n";

  private static final int TOKENS = 12;

  @TempDir Path folder;

  private static Stream<FamilyCase> cases() {
    return FamilyCase.all().filter(one -> !one.name().equals("exaone4 windows")); // 64 layers
  }

  /// A matrix's pair at a time, and llama.cpp's logits change or they don't.
  @ParameterizedTest
  @MethodSource("cases")
  void llamaAppliesThePairsThatTrain(FamilyCase family) throws IOException {
    Path file = family.of(TensorType.F32).write(folder.resolve("m.gguf"));
    Set<String> applied = new TreeSet<>();
    Set<String> others = new TreeSet<>();
    try (GgufFile base = GgufFile.open(file);
        LlamaModel model = LlamaModel.load(file, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, TOKENS, TOKENS, 1)) {
      ModelConfig config = ModelConfig.of(base);
      float[] expected = logits(context);
      for (GgufTensor tensor : matrices(base)) {
        if (tensor.name().equals(LoraTargets.EMBEDDING) && config.tied()) {
          continue; // its pair doesn't fit the head: llama.cpp ends the process
        }
        boolean changes = !Arrays.equals(expected, adapted(context, base, tensor.name()));
        (changes ? applied : others).add(tensor.name());
      }
      Set<String> named = new TreeSet<>(config.matrices());
      applied.stream().filter(FixedMatrices::isUntrained).forEach(named::add);
      if (config.adaptsEmbedding()) {
        named.add(LoraTargets.EMBEDDING);
      }
      assertEquals(named, applied);
      assertEquals(List.of(), others.stream().filter(name -> !isNamed(name, config)).toList());
    }
  }

  /// Whether it is known to be ignored, or unused in this base: keys of a layer that attends to
  /// another's, or a layer behind the others.
  private static boolean isNamed(String tensor, ModelConfig config) {
    if (FixedMatrices.isIgnored(tensor)) {
      return true;
    }
    int layer = Integer.parseInt(tensor.split("\\.")[1]);
    return layer >= config.layers()
        || config.layer(layer).borrowsKeys() && tensor.matches(".*attn_[kv].weight");
  }

  private static List<GgufTensor> matrices(GgufFile base) {
    return base.tensors().stream().filter(tensor -> tensor.shape().size() > 1).toList();
  }

  /// @return the logits with a pair on this tensor, or none where llama.cpp refuses it
  private float[] adapted(LlamaContext context, GgufFile base, String tensor) throws IOException {
    LoraAdapter adapter =
        new LoraAdapter(
            base.metadata().requireString("general.architecture"),
            4,
            RandomInputs.pairsOn(base, List.of(tensor), 4, 5));
    Path file = LlamaLogits.written(adapter, folder);
    try (LlamaAdapter pair = LlamaAdapter.load(context.model(), file)) {
      context.setAdapters(pair.scaledBy(1));
      return logits(context);
    } catch (GgmlException e) {
      assertTrue(e.getMessage().contains("does not exist in base model"), e.getMessage());
      context.setAdapters();
      return logits(context);
    }
  }

  private static float[] logits(LlamaContext context) {
    context.clear();
    int vocabulary = context.model().vocabulary().size();
    float[] all = new float[TOKENS * vocabulary];
    context.forEachLogits(
        RandomInputs.plainBatch(RandomFamily.VOCABULARY, TOKENS, 3).tokens(),
        (token, row) ->
            System.arraycopy(
                row.toArray(ValueLayout.JAVA_FLOAT), 0, all, token * vocabulary, vocabulary));
    return all;
  }

  @Test
  void whatStaysIsRefusedByName() throws IOException {
    Path file =
        FamilyCase.named("gemma3n few layers").of(TensorType.F32).write(folder.resolve("m"));
    try (GgufFile base = GgufFile.open(file)) {
      ModelConfig config = ModelConfig.of(base);
      assertRefused("per_layer_model_proj", config, "llama.cpp ignores adapters on it");
      assertRefused("altup_predict_coef", config, "it stays as it is in training");
    }
  }

  private static void assertRefused(String target, ModelConfig config, String reason) {
    Exception refused =
        assertThrows(
            InvalidInputException.class, () -> LoraTargets.resolve(List.of(target), config));
    String expected = "'" + target + "' is no target: " + reason;
    assertTrue(refused.getMessage().startsWith(expected), refused.getMessage());
  }

  @Test
  void thePageHasTheTable() throws IOException {
    StringBuilder table = new StringBuilder(HEAD);
    Map<String, Set<String>> targets = new LinkedHashMap<>();
    Map<String, Set<String>> untrained = new LinkedHashMap<>();
    Map<String, Set<String>> ignored = new LinkedHashMap<>();
    for (FamilyCase one : cases().toList()) {
      try (GgufFile base =
          GgufFile.open(one.of(TensorType.F32).write(folder.resolve("base.gguf")))) {
        ModelConfig config = ModelConfig.of(base);
        String name = config.architecture();
        of(targets, name).addAll(LoraTargets.of(config));
        for (GgufTensor tensor : matrices(base)) {
          String role = FixedMatrices.roleOf(tensor.name());
          if (FixedMatrices.isUntrained(tensor.name())) {
            of(untrained, name).add(role);
          } else if (FixedMatrices.isIgnored(tensor.name()) && !tensor.name().endsWith(".bias")) {
            of(ignored, name).add(role);
          }
        }
      }
    }
    for (Family family : Family.ALL) {
      String name = family.architecture();
      Set<String> seen = of(targets, name);
      Set<String> missing = new TreeSet<>(LoraTargets.of(family));
      missing.removeAll(seen);
      assertEquals(Set.of(), missing, name + " has no case with these targets");
      seen.remove("output"); // a target, but none of `all-linear`
      List<String> inOrder = LoraTargets.names().stream().filter(seen::contains).toList();
      table.append(
          "| `%s` | %s | %s | %s |\n"
              .formatted(name, cell(inOrder), cell(of(untrained, name)), cell(of(ignored, name))));
    }
    assertPage(table.toString());
  }

  private static Set<String> of(Map<String, Set<String>> sets, String architecture) {
    return sets.computeIfAbsent(architecture, _ -> new TreeSet<>());
  }

  private static String cell(Collection<String> names) {
    return names.isEmpty()
        ? "–"
        : names.stream().map(name -> "`" + name + "`").collect(Collectors.joining(" "));
  }

  private static void assertPage(String table) throws IOException {
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
        "docs/models.md is out of date; write its table by: mvn -pl models -am test"
            + " -Dtest=AdaptedMatricesTest -Dsurefire.failIfNoSpecifiedTests=false"
            + " -DargLine=-D"
            + WRITE
            + "=true");
  }
}
