package io.lorikeet.finetune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.finetune.GradientProof.GradientPair;
import io.lorikeet.finetune.GradientProof.PairGradients;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.OptimizerState;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Gradients that are right pass, and those that are wrong in one matrix are found.
@ExtendWith(LeakCheck.class)
class GradientProofTest {
  @TempDir private Path folder;
  private Path base;
  private Path data;

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \" %d on\"}%n".formatted(i, i + 1));
    }
    data = Files.writeString(folder.resolve("data.jsonl"), lines);
  }

  private TrainingOptions options() {
    return new TrainingOptions()
        .model(base)
        .data(data)
        .set(Settings.RUN, folder.resolve("no").resolve("such"))
        .set(Settings.CONTEXT, 64)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1);
  }

  @Test
  void rightOnesPass() throws IOException {
    GradientProof proof = GradientProof.of(options().resolveData(), _ -> {});
    assertTrue(proof.passes(), proof.toString());
    assertEquals(14, proof.pairs().size());
    assertTrue(proof.pairs().stream().allMatch(pair -> pair.worst() > 0), "compared with itself");
    GradientProof exact =
        GradientProof.of(options().set(Settings.PRECISION, Precision.F32).resolveData(), _ -> {});
    assertTrue(exact.passes() && exact.limit() < proof.limit(), exact.toString());
  }

  @Test
  @Tag("vulkan")
  void onVulkan() throws IOException {
    VulkanDevice.assumePresent();
    GradientProof proof =
        GradientProof.of(options().set(Settings.DEVICE, VulkanDevice.NAME).resolveData(), _ -> {});
    assertTrue(proof.passes(), proof.toString());
  }

  /// Streamed, with two batches in turn and the layers' inputs on the host.
  @Test
  void streamedLayersAreComputedAsSuch() throws IOException {
    try (GgufFile file = GgufFile.open(base)) {
      LoraAdapter adapter =
          GradientProof.adapter(options().resolveData(), file, ModelConfig.of(file));
      TokenBatch batch =
          GradientProof.batch(options().resolveData(), file, ModelConfig.of(file), _ -> {});
      Placement streamed =
          new Placement(
              PassShape.small(ModelConfig.of(file), 1, 64),
              SavedInputs.HOST,
              OptimizerState.MAPPED,
              true,
              4);
      PairGradients right = GradientProof.reference(options().resolveData(), file, adapter, batch);
      PairGradients tested;
      try (Backend backend = Backend.open("cpu", 1)) {
        tested = GradientProof.compute(file, backend, streamed, Precision.AUTO, adapter, batch);
      }
      assertTrue(GradientProof.compare("cpu", streamed, batch, tested, right, 0.1).passes());
      for (UnaryOperator<Float> defect :
          List.<UnaryOperator<Float>>of(
              x -> -x, x -> 1.2f * x, _ -> 0f, _ -> Float.NaN, x -> x / 2)) {
        GradientProof wrong =
            GradientProof.compare(
                "cpu",
                streamed,
                batch,
                planted(tested, "blk.1.ffn_down.weight", defect),
                right,
                0.1);
        assertFalse(wrong.passes());
        assertEquals(
            List.of("blk.1.ffn_down.weight"),
            wrong.pairs().stream()
                .filter(pair -> !(pair.worst() <= 0.1))
                .map(GradientPair::baseTensor)
                .toList());
      }
      PairGradients otherLoss = new PairGradients(1.2 * tested.loss(), tested.matrices());
      assertFalse(GradientProof.compare("cpu", streamed, batch, otherLoss, right, 0.1).passes());
    }
  }

  /// Another gradient of B in one matrix.
  private static PairGradients planted(
      PairGradients gradients, String name, UnaryOperator<Float> defect) {
    Map<String, List<float[]>> matrices = new LinkedHashMap<>(gradients.matrices());
    float[] b = matrices.get(name).getLast().clone();
    for (int i = 0; i < b.length; i++) {
      b[i] = defect.apply(b[i]);
    }
    matrices.put(name, List.of(matrices.get(name).getFirst(), b));
    return new PairGradients(gradients.loss(), matrices);
  }
}
