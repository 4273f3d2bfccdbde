package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdlePairsTest {
  @TempDir private Path folder;
  private Path data;
  private final Events events = new Events();

  @BeforeEach
  void writeData() throws IOException {
    data = TinyRun.data(folder.resolve("data.jsonl"), 12, 1);
  }

  /// Where values are all zero, nothing depends on queries and keys.
  @Test
  void matricesWithoutAGradientEndTheRun() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    fillWithZeros(base, "blk.1.attn_v.weight");
    TrainingOptions options = options(base).set(Settings.TARGET, List.of("q", "k", "o"));
    String message =
        assertThrows(
                InvalidInputException.class, () -> new Trainer(options.resolve(), events).run())
            .getMessage();
    assertTrue(message.startsWith("3 adapted matrices had no gradient in step 2"), message);
    for (String name : List.of("attn_q", "attn_k", "attn_output")) {
      assertTrue(message.contains("blk.1." + name + ".weight"), message);
    }
    assertTrue(message.contains("--allow-idle"), message);
    assertEquals(1, events.steps().size());
    options.set(Settings.ALLOW_IDLE, true);
    new Trainer(options.set(Settings.RUN, folder.resolve("second")).resolve(), events).run();
  }

  @Test
  void expertsThatNoTokenChoseAreNamed() throws IOException {
    Path base =
        new RandomFamily("qwen3moe", TensorType.F32)
            .put("expert_count", 64)
            .put("expert_used_count", 1)
            .put("expert_feed_forward_length", 64)
            .write(folder.resolve("base.gguf"));
    TrainingOptions options =
        options(base).set(Settings.EXPERT_RANK, 1).set(Settings.ACCUMULATE, 1);
    new Trainer(options.resolve(), events).run();
    assertTrue(
        events.notes().stream()
            .anyMatch(
                note ->
                    note.matches(
                        "experts that no token of step 2 chose.*blk\\.0 \\d+ of 64 \\(.*")),
        events.notes()::toString);
  }

  private TrainingOptions options(Path base) {
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"));
  }

  private static void fillWithZeros(Path base, String name) throws IOException {
    GgufTensor tensor;
    try (GgufFile file = GgufFile.open(base)) {
      tensor = file.tensor(name).orElseThrow();
    }
    try (FileChannel channel = FileChannel.open(base, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate((int) tensor.bytes()), tensor.offset());
    }
  }
}
