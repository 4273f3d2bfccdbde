package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.architecture.FamiliesOnDevice.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Families with most of the pieces on a Vulkan device: the loss and every gradient are the CPU's.
@Tag("vulkan")
@ExtendWith(LeakCheck.class)
class FamilyVulkanTest {
  /// Of the same products in the same order.
  private static final double STREAMED = 1e-5;

  @TempDir Path folder;

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
    Outcome expected = FamiliesOnDevice.run(file, family, "cpu", false);
    Outcome actual = FamiliesOnDevice.run(file, family, VulkanDevice.NAME, false);
    assertClose(expected, actual, FamiliesOnDevice.bound(family));
    // Layers that stay in host memory, experts and all, and take turns on the device.
    Outcome streamed = FamiliesOnDevice.run(file, family, VulkanDevice.NAME, true);
    assertClose(actual, streamed, STREAMED);
  }

  private static void assertClose(Outcome expected, Outcome actual, double bound) {
    double error = actual.error(expected);
    assertTrue(error <= bound, "relative error " + error);
  }
}
