package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Wherever weights and saved inputs are, losses and gradients are the same.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class PlacementTest {
  private static final int LAYERS = 5;
  private static final PassShape SHAPE = new PassShape(1, 24, 8, 16, 16);

  @TempDir Path folder;
  private Path file;
  private LoraAdapter adapter;

  /// Losses of three batches, and the sum of their gradients.
  private record Outcome(double[] losses, double[] gradients) {}

  @BeforeEach
  void makeBase() throws IOException {
    file = RandomModel.of(TensorType.Q4_0).layers(LAYERS).write(folder.resolve("m.gguf"));
    adapt(ReferenceCheck.ALL);
  }

  private void makeFamily(String name) throws IOException {
    file = FamilyCase.named(name).of(TensorType.Q4_0).write(folder.resolve("g.gguf"));
    List<String> roles = new ArrayList<>(ModelRun.roles(file));
    if (name.equals("muse-glimmer")) {
      roles.add("token_embd"); // the norm of embeddings needs them in backward
    }
    adapt(roles);
  }

  private void adapt(List<String> roles) throws IOException {
    try (GgufFile base = GgufFile.open(file)) {
      adapter = ModelRun.adapter(RandomInputs.pairs(base, roles, 4, 5), 0.7);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = SavedInputs.class,
      names = {"HOST", "DEVICE_BF16", "HOST_BF16"})
  void savedInputs(SavedInputs storage) throws IOException {
    Outcome expected = run("cpu", SavedInputs.DEVICE, 1, false, 0.25);
    Outcome actual = run("cpu", storage, 1, false, 0.25);
    assertArrayEquals(expected.losses(), actual.losses());
    if (storage == SavedInputs.HOST) {
      assertArrayEquals(expected.gradients(), actual.gradients());
    } else {
      double error = ModelRun.relativeError(actual.gradients(), expected.gradients());
      assertTrue(error > 0 && error < 5e-3, "gradients differ by " + error);
    }
  }

  /// Also with fewer or more batches at a time than there are.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7})
  void streamedLayers(int passes) throws IOException {
    Outcome expected = run("cpu", SavedInputs.DEVICE, 1, false, 0.25);
    for (SavedInputs storage : List.of(SavedInputs.DEVICE, SavedInputs.HOST)) {
      Outcome actual = run("cpu", storage, passes, true, 0.25);
      assertArrayEquals(expected.losses(), actual.losses());
      double error = ModelRun.relativeError(actual.gradients(), expected.gradients());
      assertTrue(error < 1e-6, "gradients differ by " + error);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void streamedLayersThatShareKeys(int passes) throws IOException {
    makeFamily("gemma4 shared keys");
    streamedLayers(passes);
  }

  /// Layers of one part, mixers side by side, streams of hidden states, normed embeddings.
  @ParameterizedTest
  @ValueSource(strings = {"qwen3vl", "nemotron_h_moe", "falcon-h1", "muse-glimmer", "gemma3n"})
  void streamedLayersOfFamilies(String name) throws IOException {
    makeFamily(name);
    streamedLayers(2);
  }

  @Test
  void savedInputsOfLayersThatShareKeys() throws IOException {
    makeFamily("gemma4 shared keys");
    savedInputs(SavedInputs.HOST);
  }

  @Tag("vulkan")
  @Test
  void onVulkanWithSharedKeys() throws IOException {
    VulkanDevice.assumePresent();
    makeFamily("gemma4 shared keys");
    onVulkan();
  }

  @Tag("vulkan")
  @Test
  void onVulkan() throws IOException {
    VulkanDevice.assumePresent();
    Outcome expected = run("vulkan0", SavedInputs.DEVICE, 1, false, 0);
    for (int passes : new int[] {1, 3}) {
      Outcome actual = run("vulkan0", SavedInputs.HOST, passes, true, 0);
      double losses = ModelRun.relativeError(actual.losses(), expected.losses());
      double gradients = ModelRun.relativeError(actual.gradients(), expected.gradients());
      assertTrue(losses < 1e-6 && gradients < 1e-5, losses + ", " + gradients);
    }
  }

  private Outcome run(
      String device, SavedInputs storage, int passes, boolean streamed, double dropout)
      throws IOException {
    Precision precision = device.equals("cpu") ? Precision.F32 : Precision.AUTO;
    ModelOptions options =
        new ModelOptions(
            SHAPE,
            List.of(16),
            precision,
            true,
            dropout,
            storage,
            SavedActivations.NONE,
            passes,
            false,
            0,
            false);
    List<TokenBatch> batches =
        List.of(
            RandomInputs.packedBatch(300, 1, 24, 3),
            RandomInputs.packedBatch(300, 1, 16, 4),
            RandomInputs.packedBatch(300, 1, 24, 5));
    try (ModelRun run = new ModelRun(file, device, adapter, options, streamed)) {
      double[] losses = run.model.lossesAndGradients(batches, new long[] {6, 7, 8});
      return new Outcome(losses, ModelRun.widened(run.lora.gradients().downloadFloats()));
    }
  }
}
