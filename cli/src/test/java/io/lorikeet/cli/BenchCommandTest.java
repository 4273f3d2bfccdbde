package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
@Tag("slow")
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
        measure("--json", figures, "--context", 32, "--rank", 4, "--target", "q", "--rounds", 6)
            .assertSucceeds();
    assertTrue(run.out().contains("training step / llama.cpp"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(figures));
    JsonNode seconds = json.get("seconds");
    for (String part :
        new String[] {"training_step", "trainer_forward", "llama_forward_all_logits"}) {
      assertEquals(6, seconds.get(part).size());
    }
    JsonNode ratio = json.get("training_step_to_llama_forward");
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      ratios.add(
          seconds.get("llama_forward_all_logits").get(i).asDouble()
              / seconds.get("training_step").get(i).asDouble());
    }
    ratios.sort(null);
    assertEquals((ratios.get(2) + ratios.get(3)) / 2, ratio.get("median").asDouble(), 1e-9);
    assertTrue(ratio.get("lower_quartile").asDouble() <= ratio.get("upper_quartile").asDouble());
    assertTrue(json.has("machine_load"), json.toString());
    double sum = 0;
    for (JsonNode part : json.get("step_seconds_by_part")) {
      sum += part.asDouble();
    }
    assertEquals(json.get("step_seconds").asDouble(), sum, 1e-6);
    assertTrue(json.get("step_seconds_by_part").has("backward: attention"), json.toString());
    assertEquals(Files.size(base), json.get("model_bytes").asLong());
    assertEquals(4 * (64 + 64) * 2, json.get("trained_parameters").asLong());
  }

  @Test
  void anOlderReportSaysWhatBecameFasterOrSlower() throws IOException {
    Path figures = folder.resolve("old.json");
    List<Object> small =
        List.of("--context", 8, "--rank", 1, "--target", "q", "--rounds", 5, "--json", figures);
    measure(small.toArray()).assertSucceeds();
    for (double factor : new double[] {0.001, 1000}) {
      // The old training step took so much of the time that it really did.
      ObjectNode old = (ObjectNode) new ObjectMapper().readTree(Files.readString(figures));
      ArrayNode seconds = (ArrayNode) old.get("seconds").get("training_step");
      for (int i = 0; i < seconds.size(); i++) {
        seconds.set(i, factor * seconds.get(i).asDouble());
      }
      Path changed = Files.writeString(folder.resolve("changed.json"), old.toString());
      List<Object> compared = new ArrayList<>(small.subList(0, 8));
      compared.addAll(List.of("--compare", changed));
      CommandRun run = measure(compared.toArray()).assertSucceeds();
      String verdict = factor < 1 ? "slower" : "faster";
      assertTrue(run.out().contains("training_step                  " + verdict), run.out());
    }
    measure("--context", 16, "--rank", 2, "--compare", figures)
        .assertFails(2, "context: 8 there, 16 here", "rank: 1 there, 2 here", "target");
    measure("--context", 8, "--rank", 1, "--target", "q", "--rounds", 4, "--compare", figures)
        .assertFails(2, "at least 5 rounds", "--rounds");
    measure("--compare", base).assertFails(2, "--compare", "base.gguf");
    measure("--compare", folder.resolve("none.json")).assertFails(2, "none.json");
    CommandRun.of("bench", "--make", "S", "--compare", figures).assertFails(2, "--compare");
    Files.delete(figures);
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
    CommandRun run =
        measure("--merge", "--rounds", 1, "--json", figures, "--rank", 4).assertSucceeds();
    assertTrue(run.out().contains("plain copy"), run.out());
    JsonNode json = new ObjectMapper().readTree(Files.readString(figures));
    long bytes;
    try (GgufFile gguf = GgufFile.open(base)) {
      bytes = gguf.tensors().stream().mapToLong(GgufTensor::bytes).sum();
    }
    double copy = json.get("bytes_per_second").get("plain copy").get("median").asDouble();
    for (String rounding : new String[] {"nearest", "dithered"}) {
      double seconds = json.get("seconds").get(rounding).get(0).asDouble();
      double speed = json.get("bytes_per_second").get(rounding).get("median").asDouble();
      double share = json.get("of_plain_copy").get(rounding).get("median").asDouble();
      assertEquals(speed / copy, share, 1e-9 * share);
      assertEquals(2.0 * bytes, speed * seconds, 1e-3);
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

  /// Two layers with a short convolution and one with attention, trained in each one's own part.
  @Test
  @Tag("long")
  void makesTheFirstLayersOfAKnownShape() throws IOException {
    Path made = folder.resolve("lfm2.gguf");
    Path figures = folder.resolve("lfm2.json");
    CommandRun.of("bench", "--make", "lfm2-1.2b", "--layers", 3, "--type", "q4_k_m")
        .assertFails(2, "--output");
    CommandRun.of(
            "bench", "--make", "lfm2-1.2b", "--layers", 3, "--type", "q4_k_m", "--output", made)
        .assertSucceeds();
    try (GgufFile gguf = GgufFile.open(made)) {
      assertEquals(3, gguf.metadata().requireInteger("lfm2.block_count"));
      assertEquals(3, gguf.metadata().requireInts("lfm2.attention.head_count_kv").length);
      assertEquals(TensorType.Q4_K, gguf.tensor("blk.2.attn_q.weight").orElseThrow().type());
      assertEquals(TensorType.Q6_K, gguf.tensor("token_embd.weight").orElseThrow().type());
    }
    CommandRun.of(
            "bench", made, "--device", "cpu", "--context", 8, "--rounds", 1, "--json", figures)
        .assertSucceeds();
    JsonNode json = new ObjectMapper().readTree(Files.readString(figures));
    JsonNode parts = json.get("step_seconds_by_part");
    double sum = 0;
    for (JsonNode part : parts) {
      sum += part.asDouble();
    }
    assertEquals(json.get("step_seconds").asDouble(), sum, 1e-6);
    assertTrue(parts.has("backward: short convolution"), parts.toString());
    Files.delete(made);
    Files.delete(figures);
  }

  @Test
  void badInputIsOneOrTwoLines() {
    CommandRun.of("bench").assertFails(2, "--model", "--make");
    CommandRun.of("bench", "--model", base, "--make", "S").assertFails(2, "either");
    CommandRun.of("bench", "--model", base, "--type", "Q4_0").assertFails(2, "--type");
    CommandRun.of("bench", "--make", "S", "--type", "Q4_0").assertFails(2, "--output");
    CommandRun.of("bench", "--make", "S", "--merge").assertFails(2, "--merge");
    CommandRun.of("bench", "--make", "XXL").assertFails(2, "XXL", "Qwen3.5-4B");
    CommandRun.of("bench", "--make", "Gemma-3-1", "--type", "Q4_0").assertFails(2, "Gemma-3-1B'?");
    CommandRun.of("bench", "--model", base, "--layers", 1).assertFails(2, "--layers");
    Path made = folder.resolve("none.gguf");
    for (String type : new String[] {"Q9", "I32", "IQ1_S"}) {
      CommandRun.of("bench", "--make", "S", "--type", type, "--output", made)
          .assertFails(2, type, "Q4_0");
    }
    CommandRun.of("bench", "--make", "LFM2-1.2B", "--type", "Q3_X", "--output", made)
        .assertFails(2, "Q3_X", "Q4_K_M");
    CommandRun.of("bench", "--make", "S", "--type", "Q4_0", "--layers", 13, "--output", made)
        .assertFails(2, "--layers: 13", "12");
    assertFalse(Files.exists(made));
    CommandRun.of("bench", "--model", folder.resolve("missing.gguf")).assertFails(2, "missing");
  }

  @Test
  void whatTheBaseCannotDoIsRefused() {
    measure("--context", 257).assertFails(2, "context", "257", "256");
    measure("--context", 0).assertFails(2, "--context");
    measure("--context", 8, "--rank", 65).assertFails(2, "rank");
    measure("--context", 8, "--target", "x").assertFails(2, "target 'x'");
    measure("--rounds", 0).assertFails(2, "--rounds");
    measure("--json", folder.resolve("no/f.json")).assertFails(1, "no");
    CommandRun.of("bench", "--model", base, "--device", "gpu9").assertFails(2, "gpu9", "cpu");
  }
}
