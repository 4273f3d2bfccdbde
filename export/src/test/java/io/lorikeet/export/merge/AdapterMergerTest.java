package io.lorikeet.export.merge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.MergeVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
@Tag("slow")
class AdapterMergerTest {
  private static final List<String> ALL =
      List.of(
          "attn_q",
          "attn_k",
          "attn_v",
          "attn_output",
          "ffn_gate",
          "ffn_up",
          "ffn_down",
          "output",
          "token_embd");
  private static final int CONTEXT = 32;

  @TempDir private Path folder;

  private Path adapter(Path base, List<String> roles, double alpha) throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      return adapter(gguf, RandomInputs.pairs(gguf, roles, 4, 5), alpha);
    }
  }

  private Path adapter(GgufFile base, List<LoraPair> pairs, double alpha) throws IOException {
    Path file = folder.resolve("adapter.gguf");
    String architecture = base.metadata().requireString("general.architecture");
    AdapterExporter.write(
        new LoraAdapter(architecture, (float) alpha, pairs),
        new AdapterMetadata(BaseIdentity.of(base), Map.of()),
        file);
    return file;
  }

  private static MergeReport merge(Path base, Path adapter, MergeTypes types, Path output)
      throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      return merger(gguf, adapter, 1, types).merge(output, (_, _) -> {});
    }
  }

  private static AdapterMerger merger(GgufFile base, Path file, double scale, MergeTypes types)
      throws IOException {
    return new AdapterMerger(base, adapters(base, file, scale), settings(types));
  }

  private static List<AdapterMerger.Adapter> adapters(GgufFile base, Path file, double scale)
      throws IOException {
    return List.of(new AdapterMerger.Adapter(file, AdapterFile.read(file, base).adapter(), scale));
  }

  private static AdapterMerger.MergeSettings settings(MergeTypes types) {
    return new AdapterMerger.MergeSettings(types, Rounding.DITHERED, _ -> null, 2);
  }

  private static MergeVerification verify(Path base, Path adapter, double scale, Path merged)
      throws IOException {
    List<int[]> sequences =
        List.of(
            RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 1).tokens(),
            RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 2).tokens());
    return new MergeVerifier(1)
        .reference(base, List.of(new MergeVerifier.ScaledFile(adapter, scale)), sequences)
        .compare(merged);
  }

  private static Stream<FamilyCase> families() {
    return FamilyCase.all();
  }

  /// Where nothing is rounded, llama.cpp gives the same logits for base and adapter as for the
  /// merged file: for every family, experts and fused matrices included.
  @ParameterizedTest
  @MethodSource("families")
  void mergedIsTheAdapterInLlama(FamilyCase family) throws IOException {
    Path base = family.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path adapter;
    try (GgufFile gguf = GgufFile.open(base)) {
      List<String> matrices =
          ModelConfig.of(gguf).matrices().stream().filter(name -> name.startsWith("blk.")).toList();
      List<String> roles = matrices.stream().map(name -> name.split("\\.")[2]).distinct().toList();
      List<LoraPair> pairs =
          RandomInputs.pairs(gguf, roles, 3, 5).stream()
              .filter(pair -> matrices.contains(pair.baseTensor()))
              .toList();
      adapter = adapter(gguf, pairs, 2);
    }
    Path merged = folder.resolve("merged.gguf");
    merge(base, adapter, MergeTypes.KEEP, merged);
    MergeVerification verification = verify(base, adapter, 1, merged);
    assertTrue(verification.effect().divergence() > 1e-5, verification::toString);
    // Other rounding may send a token to another expert.
    assertTrue(verification.lostShare() < 0.05, verification::toString);
    assertEquals(verification.adapterLoss(), verification.mergedLoss(), 5e-3);
  }

  /// The head and the flipped pair of the token embedding, and a scale.
  @Test
  void embeddingAndHead() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path adapter = adapter(base, ALL, 4);
    Path merged = folder.resolve("merged.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      merger(gguf, adapter, -0.6, MergeTypes.KEEP).merge(merged, (_, _) -> {});
    }
    MergeVerification verification = verify(base, adapter, -0.6, merged);
    assertTrue(verification.lostShare() < 1e-3, verification::toString);
    assertTrue(verify(base, adapter, 1, merged).lostShare() > 0.5, "another scale");
  }

  /// Other tensors and the metadata stay as they are, and what was merged is recorded.
  @ParameterizedTest
  @EnumSource(names = {"F16", "Q8_0", "Q4_0", "Q4_K", "IQ4_XS", "IQ4_NL", "MXFP4", "Q3_K", "Q6_K"})
  void keepsTypesAndEverythingElse(TensorType type) throws IOException {
    Path base = RandomModel.of(type).biases().write(folder.resolve("base.gguf"));
    Path adapter = adapter(base, List.of("attn_q", "ffn_down"), 4);
    Path merged = folder.resolve("merged.gguf");
    MergeReport report = merge(base, adapter, MergeTypes.KEEP, merged);
    assertEquals(4, report.tensors().size());
    try (GgufFile before = GgufFile.open(base);
        GgufFile after = GgufFile.open(merged)) {
      for (GgufTensor tensor : before.tensors()) {
        GgufTensor result = after.tensor(tensor.name()).orElseThrow();
        assertEquals(tensor.type(), result.type());
        boolean adapted = tensor.name().matches(".*(attn_q|ffn_down)\\.weight");
        byte[] old = before.data(tensor).toArray(ValueLayout.JAVA_BYTE);
        byte[] now = after.data(result).toArray(ValueLayout.JAVA_BYTE);
        if (adapted) {
          assertTrue(!Arrays.equals(old, now), tensor.name());
        } else {
          assertArrayEquals(old, now, tensor.name());
        }
      }
      for (String key : before.metadata().keys()) {
        if (!key.startsWith("tokenizer.ggml")) {
          assertEquals(before.metadata().value(key), after.metadata().value(key), key);
        }
      }
      assertEquals(
          Optional.of(before.hash()), after.metadata().string("lorikeet.merge.base.sha256"));
      assertEquals(
          Optional.of(List.of("adapter.gguf")),
          after.metadata().strings("lorikeet.merge.adapters"));
      List<MergeReport.Merged> measured =
          MergeMeasurement.of(before, adapters(before, adapter, 1), after, 1);
      assertEquals(
          MergeReport.total(report.tensors()).kept(), MergeReport.total(measured).kept(), 1e-9);
    }
    double most = type == TensorType.Q3_K ? 0.8 : MergeVerification.LIMIT;
    assertTrue(verify(base, adapter, 1, merged).lostShare() < most);
  }

  @Test
  void otherTypes() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_K).write(folder.resolve("base.gguf"));
    Path adapter = adapter(base, ALL, 4);
    Path merged = folder.resolve("merged.gguf");
    merge(base, adapter, MergeTypes.unquantized(TensorType.F16), merged);
    try (GgufFile gguf = GgufFile.open(merged)) {
      assertTrue(gguf.tensors().stream().noneMatch(tensor -> tensor.type().isQuantized()));
      assertEquals(1, gguf.metadata().requireInteger("general.file_type"));
    }
    assertTrue(verify(base, adapter, 1, merged).lostShare() < 0.1);
    try (GgufFile gguf = GgufFile.open(base)) {
      List<AdapterMerger.Adapter> adapters = adapters(gguf, adapter, 1);
      RecipeMerger.merge(gguf, adapters, settings(MergeTypes.KEEP), "Q8_0", merged, (_, _) -> {});
    }
    try (GgufFile gguf = GgufFile.open(merged)) {
      assertEquals(TensorType.Q8_0, gguf.tensor("blk.0.attn_q.weight").orElseThrow().type());
    }
    assertTrue(verify(base, adapter, 1, merged).lostShare() < 0.2);
    assertEquals(List.of("adapter.gguf", "base.gguf", "merged.gguf"), names());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /// Larger types for as few tensors as the bound takes.
  @Test
  void keepsQuality() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path adapter = adapter(base, ALL, 0.4);
    Path merged = folder.resolve("merged.gguf");
    List<int[]> sequences =
        List.of(RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 1).tokens());
    MergeVerifier.Reference reference =
        new MergeVerifier(1)
            .reference(base, List.of(new MergeVerifier.ScaledFile(adapter, 1)), sequences);
    merge(base, adapter, MergeTypes.KEEP, merged);
    double plain = reference.compare(merged).difference().divergence();
    try (GgufFile gguf = GgufFile.open(base)) {
      QualityMerger.MergeOutcome outcome =
          new QualityMerger(
                  gguf,
                  adapters(gguf, adapter, 1),
                  settings(MergeTypes.KEEP),
                  reference,
                  plain / 2,
                  _ -> {})
              .merge(merged);
      assertTrue(outcome.verification().difference().divergence() <= plain / 2);
      assertTrue(!outcome.raised().isEmpty() && outcome.raised().size() < 16);
      assertTrue(reference.compare(merged).difference().divergence() <= plain / 2);
    }
  }

  @Test
  void splitBase() throws IOException {
    Path whole = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    try (GgufFile gguf = GgufFile.open(whole)) {
      int half = gguf.tensors().size() / 2;
      part(gguf, 0, gguf.tensors().subList(0, half));
      part(gguf, 1, gguf.tensors().subList(half, gguf.tensors().size()));
    }
    Path split = folder.resolve("split-00001-of-00002.gguf");
    Path adapter = adapter(split, ALL, 4);
    Path merged = folder.resolve("merged.gguf");
    merge(split, adapter, MergeTypes.KEEP, merged);
    try (GgufFile gguf = GgufFile.open(merged)) {
      assertEquals(1, gguf.paths().size());
      assertTrue(gguf.metadata().integer("split.count").isEmpty());
    }
    assertEquals(Verification.Verdict.PASSED, verify(split, adapter, 1, merged).verdict());
  }

  private void part(GgufFile base, int number, List<GgufTensor> tensors) throws IOException {
    GgufWriter writer = new GgufWriter().copyMetadata(base.metadata());
    writer.put("split.no", new GgufValue.Int(GgufType.UINT16, number));
    writer.put("split.count", new GgufValue.Int(GgufType.UINT16, 2));
    writer.putInt32("split.tensors.count", base.tensors().size());
    for (GgufTensor tensor : tensors) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      writer.addTensor(tensor.name(), tensor.type(), shape, TensorSource.of(base.data(tensor)));
    }
    writer.write(folder.resolve("split-0000%d-of-00002.gguf".formatted(number + 1)));
  }

  @Test
  void refusesItsInputsAsOutputAndWhatOverflows() throws IOException {
    Path base = RandomModel.of(TensorType.F16).write(folder.resolve("base.gguf"));
    Path adapter = adapter(base, ALL, 4);
    for (Path output : List.of(base, adapter)) {
      assertThrows(
          InvalidInputException.class, () -> merge(base, adapter, MergeTypes.KEEP, output));
    }
    try (GgufFile gguf = GgufFile.open(base)) {
      Path merged = folder.resolve("merged.gguf");
      InvalidInputException refusal =
          assertThrows(
              InvalidInputException.class,
              () -> merger(gguf, adapter, 1e9, MergeTypes.KEEP).merge(merged, (_, _) -> {}));
      assertTrue(refusal.getMessage().contains("finite"), refusal.getMessage());
    }
    assertEquals(List.of("adapter.gguf", "base.gguf"), names());
  }

  @Test
  void refusesAnAdapterOfAnotherArchitecture() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path file = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterExporter.write(
          new LoraAdapter("qwen2", 4, RandomInputs.pairs(gguf, List.of("attn_q"), 4, 5)),
          new AdapterMetadata(BaseIdentity.of(gguf), Map.of()),
          file);
      String message =
          assertThrows(InvalidInputException.class, () -> merger(gguf, file, 1, MergeTypes.KEEP))
              .getMessage();
      assertTrue(message.contains("for the architecture qwen2"), message);
      assertTrue(message.contains("base.gguf is llama"), message);
    }
  }

  @Test
  void refusesAFileThatWasNotMergedFromTheBase() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path other = RandomModel.of(TensorType.Q4_0).seed(2).write(folder.resolve("other.gguf"));
    Path larger = RandomModel.of(TensorType.Q4_0).layers(3).write(folder.resolve("larger.gguf"));
    Path merged = folder.resolve("merged.gguf");
    Path adapter = adapter(other, List.of("attn_q"), 4);
    merge(other, adapter, MergeTypes.KEEP, merged);
    try (GgufFile gguf = GgufFile.open(base);
        GgufFile wrong = GgufFile.open(merged);
        GgufFile grown = GgufFile.open(larger)) {
      assertThrows(
          InvalidInputException.class, () -> MergeMeasurement.of(gguf, List.of(), wrong, 1));
      InvalidInputException missing =
          assertThrows(
              InvalidInputException.class, () -> MergeMeasurement.of(grown, List.of(), gguf, 1));
      assertTrue(missing.getMessage().contains("blk.2.attn_q.weight is missing"));
    }
  }

  @Test
  void asksTheDiskBefore() {
    Path output = folder.resolve("merged.gguf");
    IOException refusal =
        assertThrows(
            IOException.class, () -> DiskSpace.requireFree(output, 2_000_000_000L, 1_500_000_000L));
    assertTrue(refusal.getMessage().contains("needs 2.00 GB"), refusal.getMessage());
    assertTrue(refusal.getMessage().contains("1.50 GB free"), refusal.getMessage());
    IOException small =
        assertThrows(IOException.class, () -> DiskSpace.requireFree(output, 500_001, 490_000));
    assertTrue(
        small.getMessage().contains("needs 0.50 MB and its disk has 0.49 MB free"),
        small.getMessage());
    assertDoesNotThrow(() -> DiskSpace.requireFree(output, 500_000, 500_000));
  }
}
