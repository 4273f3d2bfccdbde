package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `convert`, `imatrix` and what `quantize` says.
@ExtendWith(LeakCheck.class)
class ModelCommandsTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path text;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    text = Files.writeString(folder.resolve("text.txt"), "a b c abc ".repeat(300));
  }

  @Test
  void convertsAndGenerates() throws IOException {
    Path model = HuggingFaceFolder.write(folder.resolve("hf"));
    Path output = folder.resolve("converted.gguf");
    CommandRun.of("convert", model, output, "--type", "q8_0", "--threads", 1).assertSucceeds();
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals(TensorType.Q8_0, file.tensor("blk.0.attn_q.weight").orElseThrow().type());
    }
    CommandRun run =
        CommandRun.of(
            "generate", "--model", output, "--prompt", "ab", "--tokens", 3, "--threads", 1);
    assertTrue(run.assertSucceeds().out().startsWith("ab"), run.out());
    CommandRun.of("convert", model, output).assertFails(2, "exists already", "--force", "-2.gguf");
    Path other = folder.resolve("other.gguf");
    CommandRun.of("convert", model, other, "--type", "Q9").assertFails(2, "Q9", "Q4_K_M");
    CommandRun.of("convert", folder.resolve("nothing"), other).assertFails(2, "doesn't exist");
    Path empty = Files.createDirectory(folder.resolve("empty"));
    CommandRun.of("convert", empty, other).assertFails(2, "no config.json");
    CommandRun.of("convert", model, folder.resolve("none/out.gguf")).assertFails(1, "none");
    Files.writeString(model.resolve("config.json"), "{\"architectures\": [\"ParrotForCausalLM\"]}");
    CommandRun.of("convert", model, other).assertFails(2, "ParrotForCausalLM", "LlamaForCausalLM");
    assertFalse(Files.exists(other));
  }

  @Test
  void listsAreForProgramsToo() throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    JsonNode families = json.readTree(CommandRun.of("models", "--json").assertSucceeds().out());
    assertTrue(families.findValuesAsText("architecture").contains("llama"), families.toString());
    JsonNode devices = json.readTree(CommandRun.of("devices", "--json").assertSucceeds().out());
    assertTrue(devices.findValuesAsText("name").contains("cpu"), devices.toString());
    assertTrue(devices.get(0).get("total_bytes").asLong() > 1 << 20, devices.toString());
    CommandRun.of("devices", "--json", "--operations").assertFails(2, "either");
  }

  @Test
  void measuresWhatMattersAndQuantizesWithIt() throws IOException {
    Path matrix = folder.resolve("imatrix.gguf");
    CommandRun measured =
        CommandRun.of(
            "imatrix",
            "--model",
            base,
            "--data",
            text,
            "--output",
            matrix,
            "--context",
            64,
            "--threads",
            1);
    assertTrue(measured.assertSucceeds().out().contains("matrices, measured on"), measured.out());
    Path output = folder.resolve("weighed.gguf");
    CommandRun run =
        CommandRun.of(
            "quantize",
            base,
            output,
            "--type",
            "Q4_0",
            "--imatrix",
            matrix,
            "--report",
            "--data",
            text,
            "--threads",
            1);
    assertTrue(run.assertSucceeds().out().contains("blk.0.attn_q.weight"), run.out());
    assertTrue(run.out().contains("KL divergence"), run.out());
    CommandRun again =
        CommandRun.of(
            "quantize",
            base,
            folder.resolve("again.gguf"),
            "--type",
            "Q4_0",
            "--report",
            "--data",
            text,
            "--json",
            "--threads",
            1);
    JsonNode json = JsonMapper.builder().build().readTree(again.assertSucceeds().out());
    double relative = json.at("/tensors/3/relative").asDouble();
    assertTrue(relative > 0.01 && relative < 0.2, again.out());
    assertTrue(json.get("text").get("divergence").asDouble() > 0, again.out());
    Path other = folder.resolve("not-written.gguf");
    CommandRun.of("quantize", base, other, "--type", "Q4_0", "--imatrix", base)
        .assertFails(2, "no importance matrix");
    CommandRun.of("quantize", base, other, "--type", "IQ1_S").assertFails(2, "lorikeet imatrix");
    CommandRun.of("imatrix", "--model", base, "--data", text, "--output", other, "--context", 3)
        .assertFails(2, "--context");
    CommandRun.of("imatrix", "--model", base, "--data", base, "--output", other)
        .assertFails(2, "UTF-8");
  }

  @Test
  void saysWhatItWouldWrite() {
    Path output = folder.resolve("dry.gguf");
    CommandRun run =
        CommandRun.of("quantize", base, output, "--type", "Q8_0", "--dry-run", "--threads", 1);
    assertTrue(run.assertSucceeds().out().contains("bits per weight"), run.out());
    assertTrue(run.out().lines().anyMatch(line -> line.matches("blk.0.ffn_up.weight +q8_0.*")));
    CommandRun json =
        CommandRun.of("quantize", base, output, "--type", "Q8_0", "--dry-run", "--json");
    assertTrue(json.assertSucceeds().out().contains("\"type\" : \"q8_0\""), json.out());
    assertFalse(Files.exists(output));
    CommandRun.of("quantize", base, output, "--type", "Q8_0", "--dry-run", "--report")
        .assertFails(2, "--report");
    CommandRun.of("quantize", base, output, "--type", "Q8_0", "--data", text)
        .assertFails(2, "--report");
  }
}
