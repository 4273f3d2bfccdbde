package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A mixture of experts on a device that has no place for it: its layers stay in host memory and
/// take turns on the device, and the run is the same.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class MixtureStreamingTest {
  @TempDir private Path folder;
  private final Events events = new Events();

  @Test
  void trainsAsIfItWereThere() throws IOException {
    Path base =
        new RandomFamily("qwen3moe", TensorType.Q4_0)
            .put("block_count", 6)
            .put("expert_count", 8)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", 256)
            .write(folder.resolve("base.gguf"));
    Path data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
    TrainingOptions options =
        TinyRun.options(base, data, folder.resolve("adapter.gguf"))
            .set(Settings.EXPERT_RANK, 2)
            .set(Settings.PRECISION, Precision.F32);
    long limit;
    try (GgufFile file = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, options.resolve(), planning);
      MemoryPlan least = planner.smallest(TinyRun.CONTEXT);
      limit = planner.needed(least);
      assertTrue(isStreamed(planner, limit));
      assertFalse(isStreamed(planner, Long.MAX_VALUE));
    }
    List<Double> expected = losses(options);
    List<Double> streamed = losses(options.set(Settings.DEVICE_MEMORY, limit));
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i), streamed.get(i), 1e-4 * expected.get(i), "step " + (i + 1));
    }
  }

  private static boolean isStreamed(MemoryPlanner planner, long memory) {
    return planner.fitting(TinyRun.CONTEXT, memory).orElseThrow().placement().streamed();
  }

  private List<Double> losses(TrainingOptions options) throws IOException {
    events.clear();
    new Trainer(options.resolve(), events).run();
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }
}
