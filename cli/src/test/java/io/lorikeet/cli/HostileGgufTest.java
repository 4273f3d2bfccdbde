package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A few hundred hostile files for the quick commands; `bench/hostile` gives thousands to all.
@Tag("long")
class HostileGgufTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 1);
  private static final int FILES = Integer.getInteger("lorikeet.hostile.files", 100);

  private static final List<String> QUICK =
      List.of("inspect", "data", "generate", "generate --chat", "chat");

  @TempDir private Path folder;

  @Test
  void filesAreReadOrRefusedInWords() throws IOException {
    Path model = RandomModel.of(TensorType.Q4_0).write(folder.resolve("model.gguf"));
    Path experts = HostileRun.experts(folder.resolve("experts.gguf"));
    List<String> findings = new ArrayList<>();
    int refused = 0;
    for (Path base : List.of(model, experts)) {
      HostileGguf good = new HostileGguf(Files.readAllBytes(base));
      HostileCommands commands = new HostileCommands(folder.resolve("work"));
      for (String command : QUICK) {
        assertEquals(0, commands.judge(command, base).exitCode(), command);
      }
      for (int i = 0; i < FILES / 2; i++) {
        long seed = SEED + i;
        Path file =
            Files.write(folder.resolve("hostile.gguf"), good.mutant(new SplittableRandom(seed)));
        for (String command : QUICK) {
          HostileCommands.Outcome outcome = commands.judge(command, file);
          refused += outcome.exitCode() == Failure.BAD_INPUT ? 1 : 0;
          outcome
              .finding()
              .ifPresent(
                  finding -> findings.add("seed %d, %s: %s".formatted(seed, command, finding)));
        }
      }
    }
    assertTrue(findings.isEmpty(), () -> "seed " + SEED + "\n" + String.join("\n", findings));
    assertFalse(refused < FILES / 4, "the files are hardly hostile: " + refused + ", seed " + SEED);
  }
}
