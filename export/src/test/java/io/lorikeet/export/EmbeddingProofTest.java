package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The trainer's embeddings against those of llama.cpp, with exported adapters.
@ExtendWith(LeakCheck.class)
class EmbeddingProofTest {
  private static final int RANK = 4;
  private static final List<String> ROLES =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
  private static final AdapterVerifier VERIFIER = new AdapterVerifier("cpu", 1, Precision.LLAMA);

  @TempDir private Path folder;
  private Path base;
  private Path file;

  @ParameterizedTest
  @CsvSource({"F32, MEAN", "F32, LAST", "Q4_0, MEAN", "Q4_0, LAST", "Q4_K, LAST"})
  void trainerAndLlamaCppAgree(TensorType type, Pooling pooling) throws IOException {
    LoraAdapter adapter = export(type, pooling, "contrastive");
    Verification verification = VERIFIER.verify(base, file, adapter, texts());
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    EmbeddingAgreement agreement = verification.embeddings().orElseThrow();
    assertEquals(pooling, agreement.pooling());
    assertEquals(3, agreement.texts());
    assertTrue(
        agreement.leastCosine() > (type == TensorType.F32 ? 0.999999 : 0.9999), "" + agreement);
    assertTrue(agreement.effect() > 0.01, agreement::toString);
  }

  /// A plain Qwen 3, as Qwen3-Embedding is one, and a family that scales embeddings.
  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "gemma3"})
  void otherFamilies(String family) throws IOException {
    base =
        new RandomFamily(family, TensorType.Q4_0)
            .put("pooling_type", Pooling.LAST.id())
            .write(folder.resolve("base.gguf"));
    file = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      write(gguf, "contrastive", family);
      LoraAdapter adapter = AdapterFile.read(file, gguf).adapter();
      Verification verification = VERIFIER.verify(base, file, adapter, texts());
      assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
      assertTrue(verification.embeddings().orElseThrow().leastCosine() > 0.9999);
    }
  }

  /// Another adapter than the file's, and the other pooling.
  @Test
  void otherEmbeddingsFail() throws IOException {
    LoraAdapter adapter = export(TensorType.F32, Pooling.LAST, "contrastive");
    LoraAdapter stronger = new LoraAdapter("llama", 1.5f * adapter.alpha(), adapter.pairs());
    Verification verification = VERIFIER.compare(base, file, adapter, stronger, texts());
    assertTrue(verification.embeddings().orElseThrow().isFarOff(), verification::toString);
    assertEquals(Verdict.FAILED, verification.verdict());
  }

  @Test
  void agreementIsJudged() {
    List<double[]> one = List.of(new double[] {3, 0}, new double[] {0, 2});
    List<double[]> turned = List.of(new double[] {1, 0.04}, new double[] {0, 1});
    List<double[]> bare = List.of(new double[] {0, 1}, new double[] {1, 0});
    EmbeddingAgreement same = EmbeddingAgreement.of(Pooling.LAST, one, one, bare);
    assertEquals(1, same.leastCosine(), 1e-12);
    assertEquals(1, same.effect(), 1e-12);
    assertFalse(same.isFarOff() || same.isUnclear());
    EmbeddingAgreement close = EmbeddingAgreement.of(Pooling.LAST, turned, one, bare);
    assertEquals(1 / Math.sqrt(1.0016), close.leastCosine(), 1e-12);
    assertFalse(close.isFarOff());
    assertTrue(EmbeddingAgreement.of(Pooling.LAST, bare, one, bare).isFarOff());
    assertTrue(EmbeddingAgreement.of(Pooling.LAST, turned, one, one).isUnclear());
    List<double[]> broken = List.of(new double[] {Double.NaN, 0}, new double[] {0, 1});
    assertTrue(EmbeddingAgreement.of(Pooling.LAST, broken, one, bare).isFarOff());
  }

  @Test
  void adaptersForAnswersArentAsked() throws IOException {
    LoraAdapter adapter = export(TensorType.F32, Pooling.LAST, "dpo");
    assertTrue(VERIFIER.verify(base, file, adapter, texts()).embeddings().isEmpty());
  }

  private LoraAdapter export(TensorType type, Pooling pooling, String method) throws IOException {
    base =
        RandomModel.of(type)
            .put("llama.pooling_type", new GgufValue.Int(GgufType.UINT32, pooling.id()))
            .write(folder.resolve("base.gguf"));
    file = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      write(gguf, method, "llama");
      return AdapterFile.read(file, gguf).adapter();
    }
  }

  private void write(GgufFile gguf, String method, String architecture) throws IOException {
    LoraAdapter adapter =
        new LoraAdapter(architecture, RANK, RandomInputs.pairs(gguf, ROLES, RANK, 3));
    AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(gguf), Map.of("method", method));
    AdapterExporter.write(adapter, metadata, file);
  }

  private static List<int[]> texts() {
    return List.of(
        RandomInputs.plainBatch(300, 40, 1).tokens(),
        RandomInputs.plainBatch(300, 20, 2).tokens(),
        RandomInputs.plainBatch(300, 7, 3).tokens());
  }
}
