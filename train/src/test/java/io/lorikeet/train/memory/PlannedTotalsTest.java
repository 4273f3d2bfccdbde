package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.KnownShape;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.MemorySize;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Total memory planned from the metadata of files of well-known shapes, all linear layers adapted,
/// batch 1. GB are 10⁹ bytes.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class PlannedTotalsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "Llama-3.1-8B,  Q4_K,   32,  8GB,   4096, false",
    "Llama-3.1-8B,  Q4_K,   32, 24GB, 100000, false",
    "Qwen2.5-32B, Q4_K,   16, 24GB,   4096, false",
    "Llama-3.3-70B, IQ4_XS, 16, 48GB,  16384, false",
    "Llama-3.3-70B, IQ4_XS, 16, 24GB,   4096, true",
    "Qwen2.5-32B, Q4_K,   16,  3GB,   2048, true",
    "Gemma-4-E4B, Q4_K,   16,  8GB,   4096, false",
    "Gemma-4-12B, Q4_K,   16, 12GB,   4096, false",
    // Each expert has pairs of rank 2.
    "Qwen3-30B-A3B, Q4_K, 16, 24GB, 8192, false",
    "Qwen3-30B-A3B, Q4_K, 16, 10GB, 2048, true",
  })
  void fits(String shape, TensorType type, int rank, String memory, int context, boolean streamed)
      throws IOException {
    Path file = KnownShape.named(shape).orElseThrow().writeHead(folder.resolve("head.gguf"), type);
    TrainingConfig config =
        new TrainingOptions()
            .model(file)
            .data(file)
            .output(folder.resolve("a.gguf"))
            .set(Settings.RANK, rank)
            .set(Settings.CONTEXT, context)
            .set(Settings.ACCUMULATE, 1)
            .set(Settings.THREADS, 1)
            .resolve(_ -> 131_072);
    try (GgufFile head = GgufFile.openHeader(file);
        Backend gpu = Backend.planningGpu(1)) {
      MemoryPlanner planner = new MemoryPlanner(head, config, gpu);
      Optional<MemoryPlan> plan = planner.fitting(context, MemorySize.bytes(memory));
      assertTrue(plan.isPresent(), () -> planner.smallest(context).toString());
      assertEquals(streamed, plan.get().placement().streamed(), plan.get()::toString);
    }
  }
}
