package io.lorikeet.models.architecture;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The whole model on a Vulkan device that was told to compute in F32.
@Tag("vulkan-f32")
@ExtendWith(LeakCheck.class)
class VulkanF32Test {
  private static final double BOUND = 1e-5;

  @TempDir Path folder;

  @BeforeEach
  void assumeVulkan() {
    VulkanDevice.assumePresent();
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_0", "Q4_1", "Q4_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"})
  void everyMatrix(TensorType type) throws IOException {
    check(type, 1);
  }

  @ParameterizedTest
  @ValueSource(floats = {1e-8f, 1e5f})
  void gradientsOfAnySize(float weight) throws IOException {
    check(TensorType.Q4_0, weight);
  }

  private void check(TensorType type, float weight) throws IOException {
    Path file =
        RandomModel.of(type).layers(1).biases().ropeFactors().write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(2, 20, 10, 15, 15);
    new ReferenceCheck(VulkanDevice.NAME, ReferenceCheck.ALL, shape, Precision.F32, weight, BOUND)
        .run(file);
  }
}
