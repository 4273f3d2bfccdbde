package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Training through the quantizer.
@ExtendWith(LeakCheck.class)
class FoldedWeightsTest {
  private static final PassShape SHAPE = new PassShape(2, 24, 8, 20, 13);
  private static final ModelOptions APART = new ModelOptions(SHAPE, Precision.F32, true, 0);
  private static final ModelOptions FOLDED =
      new ModelOptions(
          SHAPE,
          List.of(),
          Precision.F32,
          true,
          0,
          SavedInputs.DEVICE,
          SavedActivations.NONE,
          1,
          true,
          0,
          false);

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void writeBase() throws IOException {
    file = RandomModel.of(TensorType.F32).write(folder.resolve("m.gguf"));
  }

  private LoraAdapter adapter(Path base, List<String> roles, double scaling) throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      return ModelRun.adapter(RandomInputs.pairs(gguf, roles, 4, 5), scaling);
    }
  }

  /// Where the type rounds nothing away, it makes no difference whether the update is applied apart
  /// or in the weight: not for the loss, and for no gradient. So the straight-through rule is that
  /// of the update itself, and the gradient of the input goes through the weight once.
  @Test
  void withoutRoundingItIsTheAdapterItself() throws IOException {
    LoraAdapter adapter = adapter(file, withoutEmbedding(), 0.3);
    TokenBatch batch = batch();
    try (ModelRun apart = new ModelRun(file, "cpu", adapter, APART, false);
        ModelRun folded = new ModelRun(file, "cpu", adapter, FOLDED, false)) {
      folded.model.foldAdapter();
      double expected = apart.model.lossAndGradients(batch, 1);
      assertEquals(expected, folded.model.lossAndGradients(batch, 1), 1e-4 * expected);
      assertEquals(apart.model.loss(batch), folded.model.loss(batch), 1e-4 * expected);
      Map<String, ReferencePair> reference = apart.gradients();
      folded
          .gradients()
          .forEach(
              (name, pair) -> {
                ReferencePair wanted = reference.get(name);
                assertTrue(ModelRun.relativeError(pair.a(), wanted.a()) < 1e-3, name + " A");
                assertTrue(ModelRun.relativeError(pair.b(), wanted.b()) < 1e-3, name + " B");
              });
    }
  }

  /// In a quantized type, weights change only when they are told to, and an adapter of zeros leaves
  /// them as they are.
  @Test
  void weightsFollowTheAdapterWhenFolded() throws IOException {
    Path quantized =
        RandomModel.of(TensorType.Q4_0).seed(3).write(folder.resolve("quantized.gguf"));
    LoraAdapter adapter = adapter(quantized, withoutEmbedding(), 0.3);
    TokenBatch batch = batch();
    try (ModelRun base = new ModelRun(quantized, "cpu", null, SHAPE, Precision.F32, 0);
        ModelRun run = new ModelRun(quantized, "cpu", zeroed(adapter), FOLDED, false)) {
      run.model.foldAdapter();
      double without = base.model.loss(batch);
      assertEquals(without, run.model.loss(batch), 1e-6 * without);
    }
    try (ModelRun apart = new ModelRun(quantized, "cpu", adapter, APART, false);
        ModelRun run = new ModelRun(quantized, "cpu", adapter, FOLDED, false)) {
      run.model.foldAdapter();
      double folded = run.model.loss(batch);
      assertEquals(apart.model.loss(batch), folded, 0.1 * folded);
      run.lora.values().clear();
      assertEquals(folded, run.model.loss(batch), "not folded again yet");
      run.model.foldAdapter();
      assertNotEquals(folded, run.model.loss(batch));
    }
  }

  @Test
  void refusesWeightsWhoseRowsAreLookedUp() throws IOException {
    LoraAdapter adapter = adapter(file, ReferenceCheck.ALL, 0.3);
    try (GgufFile base = GgufFile.open(file);
        Backend backend = Backend.open("cpu", 1);
        LoraParameters lora = LoraParameters.of(adapter, backend)) {
      InvalidInputException refusal =
          assertThrows(
              InvalidInputException.class, () -> new FoldedWeights(base, lora, backend).close());
      assertTrue(refusal.getMessage().contains("token_embd.weight"), refusal.getMessage());
    }
  }

  private static LoraAdapter zeroed(LoraAdapter adapter) {
    List<LoraPair> pairs =
        adapter.pairs().stream()
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
    return new LoraAdapter(adapter.architecture(), adapter.alpha(), pairs);
  }

  private static List<String> withoutEmbedding() {
    List<String> roles = new ArrayList<>(ReferenceCheck.ALL);
    roles.removeIf(role -> role.contains("token_embd"));
    return roles;
  }

  private TokenBatch batch() throws IOException {
    try (GgufFile gguf = GgufFile.open(file)) {
      return RandomInputs.packedBatch(ModelConfig.of(gguf).vocabulary(), 2, 24, 9);
    }
  }
}
