package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.Purpose;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Training of adapters that act from an invocation on.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ActivatedTrainingTest {
  private static final String INVOCATION = "now";

  @TempDir private Path folder;
  private final Events events = new Events();
  private Path base;
  private Path data;

  @BeforeEach
  void writeFiles() throws IOException {
    base =
        new RandomFamily("qwen3moe", TensorType.Q4_0)
            .put("block_count", 6)
            .put("expert_count", 8)
            .put("expert_used_count", 2)
            .put("expert_feed_forward_length", 256)
            .write(folder.resolve("base.gguf"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 24; i++) {
      lines.append(
          "{\"prompt\": \"say %s%s now\", \"completion\": \"so now %s\"}\n"
              .formatted("abc".charAt(i % 3), "x".repeat(i % 5), "abc".charAt(i % 3)));
    }
    data = Files.writeString(folder.resolve("data.jsonl"), lines);
  }

  private TrainingOptions options(String name) {
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.PRECISION, Precision.F32)
        .set(Settings.EXPERT_RANK, 2)
        .set(Settings.INVOCATION, INVOCATION);
  }

  private LoraAdapter run(TrainingOptions options) throws IOException {
    events.clear();
    return new Trainer(options.resolve(), events).run().adapter();
  }

  private List<Double> losses() {
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }

  @Test
  void itLearnsAndPackingAndStreamingChangeNothing() throws IOException {
    LoraAdapter adapter = run(options("a").set(Settings.STEPS, 8));
    List<Double> packed = losses();
    assertTrue(packed.getLast() < 0.9 * packed.getFirst(), packed.toString());
    assertTrue(adapter.invocation().isPresent());
    run(options("always").set(Settings.STEPS, 8).set(Settings.INVOCATION, null));
    assertEquals(packed.getFirst(), losses().getFirst(), 1e-6, "B is 0 at first");
    assertTrue(Math.abs(packed.getLast() - losses().getLast()) > 1e-3, losses().toString());
    long limit;
    TrainingOptions streamed = options("b").set(Settings.STEPS, 8);
    try (GgufFile file = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, streamed.resolve(), planning);
      limit = planner.needed(planner.smallest(TinyRun.CONTEXT)) + 4096;
      assertTrue(planner.fitting(TinyRun.CONTEXT, limit).orElseThrow().placement().streamed());
    }
    run(streamed.set(Settings.DEVICE_MEMORY, limit));
    for (int step = 0; step < packed.size(); step++) {
      assertEquals(packed.get(step), losses().get(step), 1e-4 * packed.get(step));
    }
  }

  @Test
  void anAdapterThatActsFromOtherTokensIsNoBeginning() throws IOException {
    LoraAdapter adapter = run(options("a"));
    Path file = folder.resolve("begin.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(gguf), Map.of());
      AdapterExporter.write(adapter, metadata, file);
    }
    TrainingOptions next =
        options("b")
            .set(Settings.RANK, null)
            .set(Settings.EXPERT_RANK, null)
            .set(Settings.INIT_ADAPTER, file);
    assertEquals(adapter.invocation(), run(next).invocation());
    next.set(Settings.INVOCATION, null).set(Settings.RUN, null);
    String message = assertThrows(InvalidInputException.class, () -> run(next)).getMessage();
    Invocation tokens = adapter.invocation().orElseThrow();
    assertTrue(message.contains("acts from the tokens " + tokens.tokens() + " on"), message);
    assertTrue(message.contains("the run's acts on all tokens"), message);
  }

  @Test
  void settingsThatItHasNoUseForAreRefused() {
    TrainingOptions options =
        options("a").set(Settings.KEEP_BASE, 1.0).set(Settings.FOR, Purpose.MERGED);
    String message = assertThrows(InvalidInputException.class, options::resolve).getMessage();
    assertTrue(message.contains("keep-base: has no use with --invocation"), message);
    assertTrue(message.contains("invocation: can't be for merged"), message);
  }
}
