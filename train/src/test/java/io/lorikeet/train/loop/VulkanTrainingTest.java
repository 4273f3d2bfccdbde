package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The same run on Vulkan and on the CPU. Small, for the software device that tests usually have
/// takes a second for what the CPU does in a hundredth.
@ExtendWith(LeakCheck.class)
class VulkanTrainingTest {
  private static final int STEPS = 10;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeEach
  void assumeVulkan() {
    VulkanDevice.assumePresent();
  }

  @Test
  @Tag("vulkan-f32")
  void losesAsOnTheCpuInF32() throws IOException {
    compare(Precision.F32, 1e-3);
  }

  @Test
  @Tag("vulkan")
  void losesAboutAsOnTheCpu() throws IOException {
    compare(Precision.AUTO, 1e-2);
  }

  @Test
  @Tag("vulkan")
  void f32IsNotPromisedWhereFactorsAreRounded() throws IOException {
    Trainer trainer =
        new Trainer(
            options(Precision.F32).set(Settings.DEVICE, VulkanDevice.NAME).resolve(), events);
    String message = assertThrows(InvalidInputException.class, trainer::run).getMessage();
    assertTrue(message.startsWith("precision: vulkan0 rounds factors to F16 unless"), message);
    assertTrue(message.contains("GGML_VK_DISABLE_F16"), message);
    assertEquals(List.of(), events.of(TrainingEvent.class));
  }

  @Test
  @Tag("vulkan")
  void aRunCanMoveToTheCpuAndSaysSo() throws IOException {
    TrainingConfig config =
        options(Precision.AUTO)
            .set(Settings.DEVICE, "auto")
            .set(Settings.STEPS, 1)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .resolve();
    new Trainer(config, events).run();
    TrainingOptions more = new TrainingOptions().set(Settings.STEPS, 2);
    new Trainer(ResumedRun.config(config.get(Settings.RUN), more, events), events).resume();
    assertEquals(List.of(), warnings());
    more.set(Settings.STEPS, 3).set(Settings.DEVICE, "cpu");
    new Trainer(ResumedRun.config(config.get(Settings.RUN), more, events), events).resume();
    assertEquals(3, events.steps().getLast().step());
    assertEquals(1, warnings().size());
    assertTrue(warnings().getFirst().contains("(device: cpu instead of vulkan0)"));
    // The best device would be the GPU again, but the run has had the CPU.
    more.set(Settings.STEPS, 4).set(Settings.DEVICE, "auto");
    new Trainer(ResumedRun.config(config.get(Settings.RUN), more, events), events).resume();
    assertEquals(1, warnings().size());
  }

  private List<String> warnings() {
    return events.warnings().stream().filter(text -> text.contains("not as it was")).toList();
  }

  private void compare(Precision precision, double bound) throws IOException {
    List<Double> onCpu = losses(options(precision));
    List<Double> onVulkan = losses(options(precision).set(Settings.DEVICE, VulkanDevice.NAME));
    double worst = 0;
    for (int i = 0; i < STEPS; i++) {
      worst = Math.max(worst, Math.abs(onVulkan.get(i) / onCpu.get(i) - 1));
    }
    assertTrue(onCpu.getLast() < 0.9 * onCpu.getFirst(), "it must learn: " + onCpu);
    assertTrue(worst <= bound, "cpu " + onCpu + ", vulkan " + onVulkan);
  }

  private List<Double> losses(TrainingOptions options) throws IOException {
    events.clear();
    new Trainer(options.resolve(), events).run();
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }

  private TrainingOptions options(Precision precision) throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).layers(1).write(folder.resolve("base.gguf"));
    Path data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.CONTEXT, 32)
        .set(Settings.ACCUMULATE, 1)
        .set(Settings.PRECISION, precision);
  }
}
