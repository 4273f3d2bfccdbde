package io.lorikeet.train.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.AdamWSettings;
import io.lorikeet.train.settings.OptimizerState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// AdamW on the device against the algorithm of arXiv 1711.05101 in float64.
@ExtendWith(LeakCheck.class)
class AdamWTest {
  private static final int STEPS = 6;

  @TempDir private Path folder;

  @Test
  void equalsTheAlgorithmInFloat64() throws IOException {
    compare(0);
  }

  @Test
  void decaysWithoutTheMoments() throws IOException {
    compare(0.1);
  }

  @Test
  void itsNumbersCanBeChosen() throws IOException {
    compare(new AdamWSettings(0.1, 0.8, 0.95, 1e-3, 1), "cpu", OptimizerState.DEVICE);
    compare(new AdamWSettings(0, 0, 0.995, 1e-30, 1), "cpu", OptimizerState.DEVICE);
  }

  /// The ratio's part is seen in whether an element belongs to a B, by its slot.
  @ParameterizedTest
  @EnumSource(OptimizerState.class)
  void ofBWithARateOfItsOwn(OptimizerState placement) throws IOException {
    compare(new AdamWSettings(0.1, 0.9, 0.999, 1e-8, 16), "cpu", placement);
  }

  @ParameterizedTest
  @EnumSource(OptimizerState.class)
  void whereverTheMomentsAre(OptimizerState placement) throws IOException {
    compare(AdamWSettings.of(0.1), "cpu", placement);
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(1, files.count(), "only the base is left");
    }
  }

  @Tag("vulkan")
  @ParameterizedTest
  @EnumSource(OptimizerState.class)
  void onVulkan(OptimizerState placement) throws IOException {
    VulkanDevice.assumePresent();
    compare(AdamWSettings.of(0.1), "vulkan0", placement);
  }

  private void compare(double decay) throws IOException {
    compare(AdamWSettings.of(decay), "cpu", OptimizerState.DEVICE);
  }

  private void compare(AdamWSettings adamW, String device, OptimizerState placement)
      throws IOException {
    Path file = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    LoraSettings settings = new LoraSettings(4, 8, false, 0, List.of("q", "down"), 3);
    try (GgufFile base = GgufFile.open(file);
        Backend backend = Backend.open(device, 1);
        LoraParameters lora = LoraParameters.create(base, ModelConfig.of(base), settings, backend);
        AdamW optimizer = new AdamW(lora, adamW, backend, placement, folder)) {
      Reference reference = new Reference(lora, adamW);
      SplittableRandom random = new SplittableRandom(7);
      for (int step = 1; step <= STEPS; step++) {
        // Of very different sizes, as gradients of different matrices are.
        float[] gradients = new float[reference.values.length];
        for (int i = 0; i < gradients.length; i++) {
          gradients[i] = (float) (random.nextGaussian() * Math.pow(10, i % 7 - 4));
        }
        double rate = 0.01 / step;
        double factor = 0.3 * step;
        lora.gradients().upload(gradients);
        double squares = optimizer.sumSquares().downloadFloats()[0];
        assertEquals(1, Math.sqrt(squares) / norm(gradients), 1e-5);
        optimizer.step(rate, factor);
        reference.step(gradients, rate, factor);
        reference.assertClose(lora.values().downloadFloats(), rate);
        assertEquals(0, norm(lora.gradients().downloadFloats()));
      }
    }
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  private static final class Reference {
    private final double[] values;
    private final double[] first;
    private final double[] second;
    private final double[] ratios;
    private final AdamWSettings adamW;
    private int steps;

    Reference(LoraParameters lora, AdamWSettings adamW) {
      float[] start = lora.values().downloadFloats();
      ratios = new double[start.length];
      Arrays.fill(ratios, 1);
      for (LoraSlot slot : lora.slots()) {
        int from = (int) slot.bOffset();
        Arrays.fill(ratios, from, from + (int) slot.bShape().elements(), adamW.rateRatio());
      }
      values = new double[start.length];
      for (int i = 0; i < start.length; i++) {
        values[i] = start[i];
      }
      first = new double[start.length];
      second = new double[start.length];
      this.adamW = adamW;
    }

    void assertClose(float[] actual, double rate) {
      for (int i = 0; i < values.length; i++) {
        double allowed = 2e-4 * rate * ratios[i] + 1e-6 * Math.abs(values[i]);
        assertEquals(values[i], actual[i], allowed, "parameter " + i);
      }
    }

    void step(float[] gradients, double rate, double factor) {
      steps++;
      for (int i = 0; i < values.length; i++) {
        double gradient = gradients[i] * factor;
        first[i] = adamW.beta1() * first[i] + (1 - adamW.beta1()) * gradient;
        second[i] = adamW.beta2() * second[i] + (1 - adamW.beta2()) * gradient * gradient;
        double mean = first[i] / (1 - Math.pow(adamW.beta1(), steps));
        double variance = second[i] / (1 - Math.pow(adamW.beta2(), steps));
        values[i] -= rate * ratios[i] * adamW.weightDecay() * values[i];
        values[i] -= rate * ratios[i] * mean / (Math.sqrt(variance) + adamW.epsilon());
      }
    }
  }
}
