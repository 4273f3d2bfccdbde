package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.KnownShape;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.MemorySize;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Total memory of the device planned from the metadata of files of well-known shapes, all linear
/// layers adapted, batch 1. GB are 10⁹ bytes. README.md and docs/memory.md have these totals; type
/// Q4_K stands for Q4_K_M.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class PlannedTotalsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "Llama-3.1-8B,  Q4_K,   32,  8GB,   4096, false,  7.0",
    "Llama-3.1-8B,  Q4_K,   32, 24GB, 100000, false, 23.0",
    "Qwen2.5-32B,   Q4_K,   16, 24GB,   4096, false, 22.8",
    "Llama-3.3-70B, IQ4_XS, 16, 48GB,  16384, false, 45.7",
    "Llama-3.3-70B, IQ4_XS, 16, 24GB,   4096, true,   6.3",
    "Qwen2.5-32B,   Q4_K,   16,  3GB,   2048, true,   2.9",
    "Gemma-4-E4B,   Q4_K,   16,  8GB,   4096, false,  7.1",
    "Gemma-4-12B,   Q4_K,   16, 12GB,   4096, false, 10.2",
    // Each expert has pairs of rank 2.
    "Qwen3-30B-A3B, Q4_K,   16, 24GB,   8192, false, 22.5",
    "Qwen3-30B-A3B, Q4_K,   16, 10GB,   2048, true,   4.4",
  })
  void fits(
      String shape,
      TensorType type,
      int rank,
      String memory,
      int context,
      boolean streamed,
      String gigabytes)
      throws IOException {
    Path file = KnownShape.named(shape).orElseThrow().writeHead(folder.resolve("head.gguf"), type);
    TrainingConfig config =
        new TrainingOptions()
            .model(file)
            .data(file)
            .output(folder.resolve("a.gguf"))
            .set(Settings.RANK, RankChoice.of(rank))
            .set(Settings.CONTEXT, context)
            .set(Settings.THREADS, 1)
            .resolve(_ -> 131_072);
    try (GgufFile head = GgufFile.openHeader(file);
        Backend gpu = Backend.planningGpu(1)) {
      MemoryPlanner planner = new MemoryPlanner(head, config, gpu);
      Optional<MemoryPlan> plan = planner.fitting(context, MemorySize.bytes(memory));
      assertTrue(plan.isPresent(), () -> planner.smallest(context).toString());
      assertEquals(streamed, plan.get().placement().streamed(), plan.get()::toString);
      String device = String.format(Locale.ROOT, "%.1f", plan.get().device() / 1e9);
      assertEquals(gigabytes, device, plan.get()::toString);
    }
  }
}
