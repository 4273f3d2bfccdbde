package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
@Tag("slow")
class PlanCommandTest {
  @TempDir private static Path folder;
  private static Path base;

  @BeforeAll
  static void makeBase() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
  }

  @Test
  void saysWhatARunNeeds() {
    CommandRun run = plan(base, "--device", "cpu", "--context", "32").assertSucceeds();
    for (String line : new String[] {"adapter and its gradients", "optimizer", "in all"}) {
      assertTrue(run.out().contains(line), run.out());
    }
  }

  @Test
  void aFileThatIsStillBeingDownloadedWillDo() throws IOException {
    Path part = Files.copy(base, folder.resolve("part.gguf"));
    try (RandomAccessFile file = new RandomAccessFile(part.toFile(), "rw")) {
      file.setLength(file.length() - 20_000);
    }
    plan(part, "--memory", "1GB").assertSucceeds();
  }

  @Test
  void whatDoesNotFitSaysWhatWould() throws IOException {
    CommandRun run = plan(base, "--memory", "300KB", "--context", "256");
    assertEquals(1, run.exitCode());
    assertTrue(run.out().contains("memory: this run needs at least"), run.out());
    CommandRun json = plan(base, "--memory", "300KB", "--context", "256", "--json");
    JsonNode values = new ObjectMapper().readTree(json.out());
    assertEquals(false, values.get("fits").asBoolean());
    long sum = 0;
    for (JsonNode item : values.get("items")) {
      sum += item.get("device").asLong();
    }
    assertEquals(values.get("device_bytes").asLong(), sum);
  }

  @Test
  void refusesWhatIsNoSize() {
    plan(base, "--memory", "lots").assertFails(2, "--memory", "8GB");
    CommandRun.of("plan").assertFails(2, "model");
    for (String flag : List.of("--force", "--watch", "--find-learning-rate")) {
      plan(base, flag).assertFails(2, flag);
    }
    plan(base, "--resume", folder.toString()).assertFails(2, "--resume");
  }

  @Test
  void plansForABaseThatIsNotHere() {
    CommandRun run =
        CommandRun.of(
            "plan",
            "--shape",
            "llama-3.1-8b:q4_k_m",
            "--rank",
            32,
            "--context",
            4096,
            "--memory",
            "8GB",
            "--threads",
            1);
    run.assertSucceeds();
    assertTrue(run.out().startsWith("Llama-3.1-8B, Q4_K_M: 8,030,261,248 parameters"), run.out());
    CommandRun.of("plan", "--shape", "8B").assertFails(2, "unknown '8B'", "Llama-3.1-8B");
    CommandRun.of("plan", "--shape", "llama-3.1-8").assertFails(2, "did you mean 'Llama-3.1-8B'?");
    CommandRun.of("plan", "--shape", "32B:Q9").assertFails(2, "unknown type 'Q9'", "Q4_K_M");
    CommandRun.of("plan", "--shape", "32B:Q4_KM").assertFails(2, "did you mean 'Q4_K_M'?");
    CommandRun.of("plan", "--shape", "32B", "--model", base).assertFails(2, "--model or --shape");
  }

  @Test
  void listsTheShapes() {
    String out = CommandRun.of("plan", "--shape", "LIST").assertSucceeds().out();
    assertTrue(out.matches("(?s).* 8\\.03B  131,072 +meta-llama/Llama-3\\.1-8B\n.*"), out);
  }

  private static CommandRun plan(Path model, String... more) {
    String[] arguments = new String[more.length + 5];
    arguments[0] = "plan";
    arguments[1] = "--model";
    arguments[2] = model.toString();
    arguments[3] = "--threads";
    arguments[4] = "1";
    System.arraycopy(more, 0, arguments, 5, more.length);
    return CommandRun.of((Object[]) arguments);
  }
}
