package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compares llama.cpp's logits with exported adapters to those of a float64 model with the meant
/// adapters.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class LlamaProofTest {
  private static final int TOKENS = 48;
  private static final int RANK = 4;
  private static final List<String> ROLES =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0", "Q4_K", "Q8_0"})
  void passesWhatWasExported(TensorType type) throws IOException {
    Verification verification = verify(RandomModel.of(type), ROLES, adapter -> adapter);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    if (type == TensorType.F32) {
      assertTrue(
          verification.unexplained().shareOf(verification.effect()) < 1e-4, verification::toString);
    }
  }

  @ParameterizedTest
  @EnumSource
  void passesEveryStorage(AdapterStorage storage) throws IOException {
    List<String> roles = new ArrayList<>(ROLES);
    roles.addAll(List.of("token_embd", "output"));
    for (int rank : new int[] {RANK, 32}) {
      Verification verification =
          verify(RandomModel.of(TensorType.F32), roles, rank, storage, List.of(same -> same))
              .getFirst();
      assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    }
  }

  @Test
  void passesAnAdaptedEmbeddingAndHead() throws IOException {
    Verification verification =
        verify(
            RandomModel.of(TensorType.Q4_0), List.of("token_embd", "output"), adapter -> adapter);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0"})
  void failsADoubledScale(TensorType type) throws IOException {
    assertFails(
        type,
        trained -> new LoraAdapter(trained.architecture(), 2 * trained.alpha(), trained.pairs()));
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0"})
  void failsTwoSwappedLayers(TensorType type) throws IOException {
    assertFails(
        type,
        trained -> {
          List<LoraPair> pairs = new ArrayList<>();
          for (LoraPair pair : trained.pairs()) {
            String layer = pair.baseTensor().startsWith("blk.0.") ? "blk.1." : "blk.0.";
            pairs.add(
                new LoraPair(
                    layer + pair.baseTensor().substring(layer.length()),
                    pair.inputs(),
                    pair.outputs(),
                    pair.rank(),
                    pair.a(),
                    pair.b()));
          }
          Collections.rotate(pairs, pairs.size() / 2);
          return new LoraAdapter(trained.architecture(), trained.alpha(), pairs);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0"})
  void failsEachDroppedTensor(TensorType type) throws IOException {
    List<Change> changes = new ArrayList<>();
    for (int dropped : IntStream.range(0, 2 * ROLES.size()).toArray()) {
      changes.add(
          trained -> {
            List<LoraPair> rest = new ArrayList<>(trained.pairs());
            rest.remove(dropped);
            return new LoraAdapter(trained.architecture(), trained.alpha(), rest);
          });
    }
    for (Verification verification : verify(RandomModel.of(type), ROLES, changes)) {
      assertEquals(Verdict.FAILED, verification.verdict(), verification::toString);
    }
  }

  @Test
  void failsAnAdapterOfZeros() throws IOException {
    assertFails(
        TensorType.Q4_0,
        trained ->
            new LoraAdapter(trained.architecture(), trained.alpha(), zeros(trained.pairs())));
  }

  private static List<LoraPair> zeros(List<LoraPair> pairs) {
    return pairs.stream()
        .map(
            pair ->
                new LoraPair(
                    pair.baseTensor(),
                    pair.inputs(),
                    pair.outputs(),
                    pair.rank(),
                    pair.a(),
                    new float[pair.b().length]))
        .toList();
  }

  private void assertFails(TensorType type, Change change) throws IOException {
    Verification verification = verify(RandomModel.of(type), ROLES, change);
    assertEquals(Verdict.FAILED, verification.verdict(), verification::toString);
  }

  /// A change of the trained adapter on its way into the file.
  private interface Change {
    LoraAdapter apply(LoraAdapter trained);
  }

  private Verification verify(RandomModel model, List<String> roles, Change change)
      throws IOException {
    return verify(model, roles, List.of(change)).getFirst();
  }

  private List<Verification> verify(RandomModel model, List<String> roles, List<Change> changes)
      throws IOException {
    return verify(model, roles, RANK, AdapterStorage.F32, changes);
  }

  private List<Verification> verify(
      RandomModel model, List<String> roles, int rank, AdapterStorage storage, List<Change> changes)
      throws IOException {
    Path basePath = model.write(folder.resolve("base.gguf"));
    List<Verification> verifications = new ArrayList<>();
    try (GgufFile base = GgufFile.open(basePath);
        LlamaModel llama = LlamaModel.load(basePath, new LlamaModel.Options(false, 0, false))) {
      LoraAdapter trained =
          new LoraAdapter("llama", rank, RandomInputs.pairs(base, roles, rank, 3));
      int vocabulary = llama.vocabulary().size();
      TokenBatch batch = RandomInputs.plainBatch(vocabulary, TOKENS, 11);
      KeptLogits reference =
          new KeptLogits(
              vocabulary, List.of(batch.tokens()), computed(base, batch, trained.pairs(), 1));
      LogitsSource referenceBase = computed(base, batch, List.of(), 1);
      EffectComparison.Sensitivity sensitivity = new EffectComparison.Sensitivity();
      float unit = AdapterVerifier.roundingUnit(storage);
      if (unit > 0) {
        sensitivity.add(reference, computed(base, batch, trained.pairs(), 1 + unit));
      }
      LlamaContext context = LlamaContext.create(llama, TOKENS, TOKENS, 1);
      for (Change change : changes) {
        Path file = folder.resolve("adapter.gguf");
        AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
        AdapterExporter.write(change.apply(trained), metadata, storage, file);
        AdapterFile.read(file, base);
        try (LlamaAdapter adapter = LlamaAdapter.load(llama, file)) {
          LogitsSource with = new LlamaLogits(context, Optional.of(adapter));
          LogitsSource without = new LlamaLogits(context, Optional.empty());
          LogitsComparison comparison =
              new LogitsComparison(vocabulary, List.of(batch.tokens()), with, without);
          verifications.add(
              comparison.verification(
                  reference, referenceBase, new EffectComparison(sensitivity), Optional.empty()));
        }
      }
    }
    return verifications;
  }

  /// The float64 model is slow, so this computes the logits of one batch, once.
  private static LogitsSource computed(
      GgufFile base, TokenBatch batch, List<LoraPair> pairs, double scale) {
    double[][] logits = ReferenceModel.of(base).run(batch, pairs, scale).logits();
    return (tokens, consumer) -> {
      assertArrayEquals(batch.tokens(), tokens);
      for (int position = 0; position < tokens.length; position++) {
        float[] row = new float[logits[position].length];
        for (int i = 0; i < row.length; i++) {
          row[i] = (float) logits[position][i];
        }
        consumer.accept(position, row);
      }
    };
  }
}
