package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Families with most of the pieces on a Vulkan device: the loss and every gradient are the CPU's.
@Tag("vulkan")
@ExtendWith(LeakCheck.class)
class FamilyVulkanTest {
  private static final double BOUND = 2e-2;

  /// Of bases of more layers or of several streams, through which rounding to BF16 grows.
  private static final double BOUND_IN_DEPTH = 6e-2;

  private static final List<String> DEEP =
      List.of("nemotron_h", "gemma4 shared keys", "gemma3n few layers");

  /// Of the same products in the same order.
  private static final double STREAMED = 1e-5;

  /// No block, tile or chunk of eight tokens and fewer: see [VulkanTest].
  private static final PassShape SHAPE = new PassShape(1, 20, 20, 20, 20);

  @TempDir Path folder;

  /// The results of a pass.
  private record Outcome(double loss, double[] gradients) {}

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gemma3",
        "gpt-oss",
        "qwen35",
        "lfm2",
        "granitehybrid",
        "nemotron_h",
        "falcon-h1",
        "gemma4 shared keys",
        "gemma3n few layers"
      })
  void gradientsAreTheCpus(String name) throws IOException {
    VulkanDevice.assumePresent();
    FamilyCase family =
        FamilyCase.all().filter(one -> one.name().equals(name)).findFirst().orElseThrow();
    Path file = family.of(TensorType.F32).write(folder.resolve("m.gguf"));
    Outcome expected = run(file, family, "cpu", false);
    Outcome actual = run(file, family, VulkanDevice.NAME, false);
    assertClose(expected, actual, DEEP.contains(name) ? BOUND_IN_DEPTH : BOUND);
    // Layers that stay in host memory, experts and all, and take turns on the device.
    assertClose(actual, run(file, family, VulkanDevice.NAME, true), STREAMED);
  }

  private static void assertClose(Outcome expected, Outcome actual, double bound) {
    assertEquals(expected.loss(), actual.loss(), bound * expected.loss());
    double error = ModelRun.relativeError(actual.gradients(), expected.gradients());
    assertTrue(error <= bound, "relative error of the gradients " + error);
  }

  private Outcome run(Path file, FamilyCase family, String device, boolean streamed)
      throws IOException {
    // A seed for which rounding to BF16 brings no token to another expert.
    TokenBatch batch = RandomInputs.packedBatch(RandomFamily.VOCABULARY, 1, 20, 7);
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, FamilyTest.roles(file), 12, 5);
    }
    LoraAdapter adapter = new LoraAdapter(family.of(TensorType.F32).architecture(), 8, pairs);
    ModelOptions options = new ModelOptions(SHAPE, Precision.F32, true, 0);
    try (ModelRun run = new ModelRun(file, device, adapter, options, streamed)) {
      double loss = run.model.lossAndGradients(batch, 0);
      return new Outcome(loss, ModelRun.widened(run.lora.gradients().downloadFloats()));
    }
  }
}
