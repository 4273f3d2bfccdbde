package io.lorikeet.models.architecture;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The whole model on the CPU against the float64 reference.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class GradientTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      names = {
        "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
        "NVFP4"
      })
  void everyMatrixInF32(TensorType type) throws IOException {
    Path file = RandomModel.of(type).biases().ropeFactors().write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(2, 24, 8, 20, 13);
    new ReferenceCheck("cpu", ReferenceCheck.ALL, shape, Precision.F32, 1, 1e-3).run(file);
  }

  /// Gradients with BF16 and activations quantized to 8 bits.
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_1", "Q4_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"})
  void everyMatrixAsTrained(TensorType type) throws IOException {
    Path file = RandomModel.of(type).write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(2, 24, 8, 20, 13);
    new ReferenceCheck("cpu", ReferenceCheck.ALL, shape, Precision.AUTO, 1, 5e-2).run(file);
  }

  @ParameterizedTest
  @ValueSource(floats = {1e-8f, 1e5f})
  void gradientsOfAnySize(float weight) throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(1, 32, 32, 32, 32);
    List<String> all = ReferenceCheck.ALL;
    new ReferenceCheck("cpu", all, shape, Precision.F32, weight, 1e-3).run(file);
    new ReferenceCheck("cpu", all, shape, Precision.AUTO, weight, 5e-2).run(file);
  }

  /// The adapter acts on some tokens of each tile and chunk only.
  @ParameterizedTest
  @EnumSource(names = {"F32", "AUTO"})
  void activatedAdapter(Precision precision) throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).biases().write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(2, 24, 8, 20, 13);
    double bound = precision == Precision.F32 ? 1e-3 : 5e-2;
    new ReferenceCheck("cpu", ReferenceCheck.ALL, shape, precision, 1, bound).runActivated(file);
  }

  @Test
  void tiedHead() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).tied().write(folder.resolve("m.gguf"));
    PassShape shape = new PassShape(2, 16, 16, 32, 32);
    new ReferenceCheck("cpu", ReferenceCheck.LINEAR, shape, Precision.F32, 1, 1e-3).run(file);
  }
}
