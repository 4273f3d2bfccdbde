package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class BenchCommandTest {
  @TempDir private static Path folder;
  private static Path base;

  @BeforeAll
  static void makeBase() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
  }

  @Test
  void measuresTrainingAndLlama() throws IOException {
    Path figures = folder.resolve("figures.json");
    CommandRun run =
        measure(
                "--json",
                figures,
                "--context",
                32,
                "--rank",
                4,
                "--target",
                "q",
                "--repetitions",
                2)
            .assertSucceeds();
    assertTrue(run.out().contains("training step / llama.cpp"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(figures));
    for (String part : new String[] {"training_step", "trainer_forward"}) {
      assertEquals(2, json.get(part).get("seconds").size());
    }
    double ratio =
        json.get("training_step").get("tokens_per_second").asDouble()
            / json.get("llama_forward_all_logits").get("tokens_per_second").asDouble();
    assertEquals(ratio, json.get("training_step_to_llama_forward").asDouble(), 1e-9);
    double sum = 0;
    for (JsonNode seconds : json.get("step_seconds_by_part")) {
      sum += seconds.asDouble();
    }
    assertEquals(json.get("step_seconds").asDouble(), sum, 1e-6);
    assertTrue(json.get("step_seconds_by_part").has("backward: attention"), json.toString());
    assertEquals(Files.size(base), json.get("model_bytes").asLong());
    assertEquals(4 * (64 + 64) * 2, json.get("trained_parameters").asLong());
  }

  private static CommandRun measure(Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("bench", "--model", base, "--device", "cpu", "--threads", 1));
    args.addAll(List.of(more));
    return CommandRun.of(args.toArray());
  }

  @Test
  void measuresMergingBesideACopy() throws IOException {
    Path figures = folder.resolve("merging.json");
    List<Path> before = files();
    CommandRun run = measure("--merge", "--json", figures, "--rank", 4).assertSucceeds();
    assertTrue(run.out().contains("plain copy"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(figures));
    long bytes;
    try (GgufFile gguf = GgufFile.open(base)) {
      bytes = gguf.tensors().stream().mapToLong(GgufTensor::bytes).sum();
    }
    double copy = json.get("plain copy").get("bytes_per_second").asDouble();
    for (String rounding : new String[] {"nearest", "dithered"}) {
      double speed = json.get(rounding).get("bytes_per_second").asDouble();
      assertEquals(speed / copy, json.get(rounding).get("of_plain_copy").asDouble(), 1e-9);
      assertEquals(2.0 * bytes, speed * json.get(rounding).get("seconds").asDouble(), 1e-3);
    }
    Files.delete(figures);
    assertEquals(before, files());
  }

  private static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  @Test
  void makesABase() throws IOException {
    Path made = folder.resolve("made.gguf");
    CommandRun.of("bench", "--make", "s", "--type", "q4_0", "--output", made).assertSucceeds();
    try (GgufFile gguf = GgufFile.open(made)) {
      assertEquals(TensorType.Q4_0, gguf.tensor("blk.11.ffn_up.weight").orElseThrow().type());
      assertEquals(32000, gguf.metadata().requireInteger("llama.vocab_size"));
    }
    Files.delete(made);
  }

  @Test
  void badInputIsOneOrTwoLines() {
    CommandRun.of("bench").assertFails(2, "--model", "--make");
    CommandRun.of("bench", "--model", base, "--make", "S").assertFails(2, "either");
    CommandRun.of("bench", "--model", base, "--type", "Q4_0").assertFails(2, "--type");
    CommandRun.of("bench", "--make", "S", "--type", "Q4_0").assertFails(2, "--output");
    CommandRun.of("bench", "--make", "S", "--merge").assertFails(2, "--merge");
    CommandRun.of("bench", "--make", "XXL").assertFails(2, "XXL");
    Path made = folder.resolve("none.gguf");
    for (String type : new String[] {"Q9", "I32", "IQ1_S"}) {
      CommandRun.of("bench", "--make", "S", "--type", type, "--output", made)
          .assertFails(2, type, "Q4_0");
    }
    assertFalse(Files.exists(made));
    CommandRun.of("bench", "--model", folder.resolve("missing.gguf")).assertFails(2, "missing");
  }

  @Test
  void whatTheBaseCannotDoIsRefused() {
    measure("--context", 257).assertFails(2, "context", "257", "256");
    measure("--context", 0).assertFails(2, "--context");
    measure("--context", 8, "--rank", 65).assertFails(2, "rank");
    measure("--context", 8, "--target", "x").assertFails(2, "target 'x'");
    measure("--repetitions", 0).assertFails(2, "--repetitions");
    measure("--json", folder.resolve("no/f.json")).assertFails(1, "no");
    CommandRun.of("bench", "--model", base, "--device", "gpu9").assertFails(2, "gpu9", "cpu");
  }
}
