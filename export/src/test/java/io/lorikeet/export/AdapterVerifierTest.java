package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The trainer's forward pass against llama.cpp, with exported adapters. Files that have to fail
/// are tested in [LlamaProofTest].
@ExtendWith(LeakCheck.class)
class AdapterVerifierTest {
  private static final int RANK = 4;
  private static final List<String> ROLES =
      List.of(
          "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "output");
  private static final AdapterVerifier VERIFIER = new AdapterVerifier("cpu", 1, Precision.LLAMA);

  @TempDir private Path folder;
  private Path base;
  private Path file;

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0", "Q4_K", "IQ4_XS", "MXFP4"})
  void trainerAndLlamaCppAgree(TensorType type) throws IOException {
    LoraAdapter adapter = export(type);
    Verification verification = VERIFIER.verify(base, file, adapter, sequences());
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    assertEquals(60, verification.effect().positions());
  }

  /// Long enough for Mesa's device to notice what the first model left behind when it was closed.
  @Tag("vulkan")
  @Test
  void onVulkan() throws IOException {
    VulkanDevice.assumePresent();
    LoraAdapter adapter = export(TensorType.Q4_0);
    List<int[]> sequences =
        List.of(
            RandomInputs.plainBatch(400, 400, 1).tokens(),
            RandomInputs.plainBatch(400, 30, 2).tokens());
    Verification verification =
        new AdapterVerifier("vulkan0", 1, Precision.AUTO).verify(base, file, adapter, sequences);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
  }

  /// Stock llama.cpp, run as llama-server runs it: the beginning without the adapter.
  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0"})
  void activated(TensorType type) throws IOException {
    List<int[]> sequences = sequences();
    int[] first = sequences.getFirst();
    LoraAdapter adapter = activated(type, List.of(first[12], first[13]));
    Verification verification = VERIFIER.verify(base, file, adapter, sequences);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    assertEquals(ROLES.size(), verification.kinds().changing().size());
  }

  /// A trainer that begins at another token isn't what the file does.
  @Test
  void anotherInvocationFails() throws IOException {
    int[] first = sequences().getFirst();
    LoraAdapter adapter = activated(TensorType.Q4_0, List.of(first[12]));
    LoraAdapter later = adapter.activatedBy(Optional.of(new Invocation(List.of(first[30]))));
    for (LoraAdapter other : List.of(later, adapter.activatedBy(Optional.empty()))) {
      Verification verification = VERIFIER.compare(base, file, adapter, other, List.of(first));
      assertEquals(Verdict.FAILED, verification.verdict(), verification::toString);
    }
  }

  private LoraAdapter activated(TensorType type, List<Integer> tokens) throws IOException {
    LoraAdapter adapter = export(type).activatedBy(Optional.of(new Invocation(tokens)));
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterExporter.write(adapter, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
      assertEquals(adapter.invocation(), AdapterFile.read(file, gguf).adapter().invocation());
    }
    return adapter;
  }

  @Test
  void aDoubledScaleFails() throws IOException {
    LoraAdapter adapter = export(TensorType.Q4_0);
    LoraAdapter doubled = new LoraAdapter("llama", 2 * adapter.alpha(), adapter.pairs());
    Verification verification = VERIFIER.verify(base, file, doubled, sequences());
    assertEquals(Verdict.FAILED, verification.verdict(), verification::toString);
    assertEquals(0.5, verification.rounding().orElseThrow().share(), 1e-6);
  }

  /// The rounding of numbers for the file is told apart from llama.cpp's computation with it.
  @ParameterizedTest
  @EnumSource
  void roundingForTheFileIsMeasured(AdapterStorage storage) throws IOException {
    LoraAdapter adapter = export(TensorType.Q4_0);
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(gguf), Map.of());
      AdapterExporter.write(adapter, metadata, storage, file);
    }
    Verification verification = VERIFIER.verify(base, file, adapter, sequences());
    assertEquals(storage != AdapterStorage.F32, verification.rounding().isPresent());
    double most = verification.rounding().map(AdapterRounding::share).orElse(0.0);
    assertTrue(most < 0.01, verification::toString);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
  }

  /// Pairs of a kind that learned nothing are named.
  @Test
  void kindsWithoutEffectAreNamed() throws IOException {
    LoraAdapter whole = export(TensorType.Q4_0);
    LoraAdapter partly =
        new LoraAdapter(
            "llama",
            whole.alpha(),
            whole.pairs().stream()
                .map(
                    pair ->
                        pair.baseTensor().contains("attn_k")
                            ? new LoraPair(
                                pair.baseTensor(),
                                pair.inputs(),
                                pair.outputs(),
                                pair.rank(),
                                pair.a(),
                                new float[pair.b().length])
                            : pair)
                .toList());
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterExporter.write(
          partly, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), AdapterStorage.F32, file);
    }
    KindEffects kinds = VERIFIER.verify(base, file, partly, sequences()).kinds();
    assertEquals(List.of("k"), kinds.idle());
    assertTrue(kinds.changing().contains("q"), kinds::toString);
  }

  @Test
  void tokensAreBounded() throws IOException {
    LoraAdapter adapter = export(TensorType.F32);
    int most = AdapterVerifier.mostTokens(400);
    assertEquals(1024, most);
    assertEquals(256, AdapterVerifier.mostTokens(131_072));
    assertThrows(
        IllegalArgumentException.class,
        () -> VERIFIER.verify(base, file, adapter, List.of(new int[most + 1])));
  }

  private LoraAdapter export(TensorType type) throws IOException {
    base = RandomModel.of(type).write(folder.resolve("base.gguf"));
    file = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter adapter =
          new LoraAdapter("llama", RANK, RandomInputs.pairs(gguf, ROLES, RANK, 3));
      AdapterExporter.write(adapter, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
      return AdapterFile.read(file, gguf).adapter();
    }
  }

  private static List<int[]> sequences() {
    return List.of(
        RandomInputs.plainBatch(400, 40, 1).tokens(), RandomInputs.plainBatch(400, 20, 2).tokens());
  }
}
