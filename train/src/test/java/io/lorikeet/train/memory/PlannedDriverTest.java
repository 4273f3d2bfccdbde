package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
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

/// Planned memory besides a run's tensors: of the device's library, its driver, and the base's
/// file.
@ExtendWith(LeakCheck.class)
class PlannedDriverTest {
  private static final String SCRATCH = "scratch of the device's library";
  private static final String COPIES = "copies to and from the device";
  private static final String DRIVER = "the software device's driver";

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void makeBase() throws IOException {
    file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
  }

  @Test
  @Tag("vulkan")
  void softwareVulkan() throws IOException {
    VulkanDevice.assumePresent();
    try (Backend backend = Backend.planning(VulkanDevice.NAME, 1)) {
      MemoryPlan plan = plan(backend);
      assertEquals(backend.isSoftware(), plan.onHost());
      assertEquals(
          plan.host() + plan.mapped() + (backend.isSoftware() ? plan.device() : 0), plan.process());
      assertTrue(bytes(plan, SCRATCH) > 0, plan::toString);
      assertTrue(bytes(plan, COPIES) > 0, plan::toString);
      assertEquals(backend.isSoftware(), bytes(plan, DRIVER) > 0, plan::toString);
    }
  }

  @Test
  void others() throws IOException {
    try (Backend cpu = Backend.planning("cpu", 1);
        Backend gpu = Backend.planningGpu(1)) {
      MemoryPlan onCpu = plan(cpu);
      MemoryPlan onGpu = plan(gpu);
      assertEquals(0, bytes(onCpu, COPIES), onCpu::toString);
      // The pinned memory that copies to one of NVIDIA's wait in.
      assertEquals(4 << 20, bytes(onGpu, COPIES), onGpu::toString);
      for (MemoryPlan plan : List.of(onCpu, onGpu)) {
        assertEquals(0, bytes(plan, DRIVER), plan::toString);
      }
      assertEquals(0, bytes(onCpu, SCRATCH), onCpu::toString);
      assertTrue(bytes(onGpu, SCRATCH) > 0, onGpu::toString);
      assertTrue(onCpu.onHost());
      assertEquals(onGpu.host() + onGpu.mapped(), onGpu.process());
    }
  }

  private MemoryPlan plan(Backend backend) throws IOException {
    TrainingConfig config =
        new TrainingOptions()
            .model(file)
            .data(file)
            .output(folder.resolve("a.gguf"))
            .set(Settings.CONTEXT, 32)
            .set(Settings.ACCUMULATE, 1)
            .set(Settings.THREADS, 1)
            .resolve(_ -> 256);
    try (GgufFile base = GgufFile.openHeader(file)) {
      MemoryPlan plan =
          new MemoryPlanner(base, config, backend).fitting(32, Long.MAX_VALUE).orElseThrow();
      long read = base.tensors().stream().mapToLong(GgufTensor::bytes).sum();
      MemoryPlan.PlanItem weights =
          plan.items().stream()
              .filter(item -> item.what().equals("base"))
              .findFirst()
              .orElseThrow();
      assertEquals(read, weights.mapped());
      return plan;
    }
  }

  private static long bytes(MemoryPlan plan, String what) {
    return plan.items().stream()
        .filter(item -> item.what().equals(what))
        .mapToLong(item -> item.device() + item.host())
        .sum();
  }
}
