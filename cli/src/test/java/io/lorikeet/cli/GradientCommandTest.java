package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `verify --gradients`.
@ExtendWith(LeakCheck.class)
class GradientCommandTest {
  @TempDir private Path folder;

  @Test
  void showsEveryAdaptedMatrixAndWritesNothing() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path data =
        Files.writeString(
            folder.resolve("data.jsonl"), "{\"text\": \"the quick brown fox jumps over it\"}\n");
    CommandRun run =
        CommandRun.of(
                "verify",
                base,
                "--gradients",
                "--data",
                data,
                "--context",
                64,
                "--device",
                "cpu",
                "--threads",
                1)
            .assertSucceeds();
    assertEquals(14, run.out().lines().filter(line -> line.contains("blk.")).count() - 1);
    assertTrue(run.out().contains("verified: the gradients are those"), run.out());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(2, files.count());
    }
    CommandRun.of("verify", base, "--gradients").assertFails(2, "--data");
    CommandRun.of("verify", base, "--context", 64).assertFails(2, "--gradients");
    CommandRun.of("verify", base).assertFails(2, "--adapter");
    CommandRun.of("verify", base, "--gradients", "--data", data, "--force")
        .assertFails(2, "--force");
    CommandRun.of("verify", base, "--adapter", base, "--chat-template", "chatml")
        .assertFails(2, "--chat-template goes with --server");
    CommandRun.of("verify", base, "--gradients", "--data", data, "--chat-template", "chatml")
        .assertFails(2, "--chat-template goes with --server");
    CommandRun.of("verify", base, "--gradients", "--data", data, "--device-memory", "1MB")
        .assertFails(2, "memory");
  }
}
