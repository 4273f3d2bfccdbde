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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The whole model on a Vulkan device as it is used: products in BF16 or F16.
@Tag("vulkan")
@ExtendWith(LeakCheck.class)
class VulkanTest {
  private static final double BOUND = 2e-2;

  /// For products of eight columns and fewer, Vulkan has a shader for each number of them, and Mesa
  /// takes seconds to compile one. No block, tile or chunk here is that small.
  private static final PassShape SHAPE = new PassShape(2, 20, 10, 15, 15);

  @TempDir Path folder;

  @BeforeEach
  void assumeVulkan() {
    VulkanDevice.assumePresent();
  }

  @Test
  void everyMatrix() throws IOException {
    check(TensorType.Q4_0, Precision.AUTO, SHAPE, 1);
  }

  /// Dequantized in forward too: Mesa takes minutes to compile ggml's shader of another type.
  @ParameterizedTest
  @EnumSource(names = {"F32", "Q4_1", "Q4_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"})
  void everyType(TensorType type) throws IOException {
    check(type, Precision.F32, SHAPE, 1);
  }

  @ParameterizedTest
  @ValueSource(floats = {1e-8f, 1e5f})
  void gradientsOfAnySize(float weight) throws IOException {
    check(TensorType.Q4_0, Precision.AUTO, SHAPE, weight);
    check(TensorType.Q4_0, Precision.F32, SHAPE, weight);
  }

  private void check(TensorType type, Precision precision, PassShape shape, float weight)
      throws IOException {
    Path file =
        RandomModel.of(type).layers(1).biases().ropeFactors().write(folder.resolve("m.gguf"));
    new ReferenceCheck(VulkanDevice.NAME, ReferenceCheck.ALL, shape, precision, weight, BOUND)
        .run(file);
  }
}
