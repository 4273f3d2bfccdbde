package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `quantize`, `generate`, `eval` and `devices` on a random base and adapter.
@ExtendWith(LeakCheck.class)
class InferenceCommandsTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path adapter;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    adapter = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter("llama", 4, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_up"), 4, 3));
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), adapter);
    }
  }

  @Test
  void generatesTheSameTextForTheSameSeed() {
    String first = generate("--seed", "1").assertSucceeds().out();
    assertEquals(first, generate("--seed", "1").out());
    assertNotEquals(first, generate("--seed", "2").out());
    assertNotEquals(first, generate("--seed", "1", "--adapter", adapter.toString()).out());
    assertTrue(first.startsWith("a b"), first);
  }

  private static CommandRun generate(String... more) {
    String[] args = {
      "generate", "--model", base.toString(), "--prompt", "a b", "--tokens", "20", "--threads", "1"
    };
    return CommandRun.of((Object[]) concatenate(args, more));
  }

  private static String[] concatenate(String[] first, String[] second) {
    return Stream.of(first, second).flatMap(Stream::of).toArray(String[]::new);
  }

  @Test
  void evaluatesWithAndWithoutAdapter() throws IOException {
    Path data = folder.resolve("data.jsonl");
    Files.writeString(data, "{\"prompt\": \"a\", \"completion\": \" b c\"}\n{\"text\": \"abc\"}\n");
    List<String> lines =
        CommandRun.of("eval", "--model", base, "--adapter", adapter, "--data", data, "--threads", 1)
            .assertSucceeds()
            .out()
            .lines()
            .filter(line -> line.contains("adapter:"))
            .toList();
    assertEquals(2, lines.size());
    assertTrue(lines.get(0).startsWith("without adapter: loss "), lines.get(0));
    assertTrue(lines.get(1).startsWith("with adapter: loss "), lines.get(1));
    assertNotEquals(lines.get(0).split("loss ")[1], lines.get(1).split("loss ")[1]);
  }

  @Test
  void answersAreScoredBeforeAndAfter() throws IOException {
    Path tasks = folder.resolve("tasks.jsonl");
    Files.writeString(
        tasks,
        "{\"prompt\": \"a\\u001b[2J\", \"completion\": \"b\"}\n"
            + "{\"prompt\": \"ab\", \"completion\": \"b\", \"scorer\": \"regex:.\"}\n");
    Path json = folder.resolve("scores.json");
    List<Object> args =
        List.of(
            "eval",
            "--model",
            base,
            "--adapter",
            adapter,
            "--tasks",
            tasks,
            "--tokens",
            5,
            "--threads",
            1,
            "--seed",
            7,
            "--json",
            json);
    String out = CommandRun.of(args.toArray()).assertSucceeds().out();
    assertTrue(out.contains("50.0") && out.contains("seed 7"), out);
    assertEquals(-1, out.indexOf('\u001b'), out);
    assertTrue(Files.readString(json).contains("\"difference\" : 0.0"), Files.readString(json));
    CommandRun.of(args.toArray()).assertFails(2, "scores.json exists already");
    CommandRun.of("eval", base, "--tasks", tasks, "--scorer", "exakt")
        .assertFails(2, "did you mean 'exact'");
    CommandRun.of("eval", base).assertFails(2, "--tasks");
    CommandRun.of("eval", base, "--tasks", tasks, "--adapter", adapter, "--merged", base)
        .assertFails(2, "--merged");
    String failing = "program:exit 1";
    String counted =
        CommandRun.of("eval", base, "--tasks", tasks, "--tokens", 2, "--scorer", failing)
            .assertSucceeds()
            .out();
    assertTrue(counted.contains("not scored, taken for 0: 1 of its answers"), counted);
  }

  @Test
  void quantizes() throws IOException {
    Path quantized = folder.resolve("quantized.gguf");
    CommandRun.of("quantize", base, quantized, "--type", "q4_0", "--threads", 1).assertSucceeds();
    try (GgufFile gguf = GgufFile.open(quantized)) {
      assertEquals(TensorType.Q4_0, gguf.tensor("blk.0.ffn_up.weight").orElseThrow().type());
    }
    CommandRun.of("generate", "--model", quantized, "--prompt", "a", "--adapter", adapter)
        .assertFails(2, "trained on another file");
  }

  @Test
  void verifies() throws IOException {
    CommandRun run =
        CommandRun.of(
            "verify", "--model", base, "--adapter", adapter, "--device", "cpu", "--threads", 1);
    assertTrue(run.assertSucceeds().out().contains("verified: "), run.out());
    Path data = Files.writeString(folder.resolve("short.jsonl"), "{\"text\": \"ab\"}\n");
    CommandRun.of("verify", "--model", base, "--adapter", adapter, "--data", data)
        .assertFails(2, "too few");
  }

  @Test
  void anAdapterOfAnotherBaseIsRecognized() throws IOException {
    Path other = RandomModel.of(TensorType.F32).seed(2).write(folder.resolve("other.gguf"));
    for (String command : List.of("verify", "generate")) {
      List<Object> args = new ArrayList<>(List.of(command, "--model", other, "--adapter", adapter));
      if (command.equals("generate")) {
        args.addAll(List.of("--prompt", "a"));
      }
      CommandRun.of(args.toArray()).assertFails(2, "trained on another file");
    }
  }

  @Test
  void anAdapterWithoutEffectIsInconclusive() throws IOException {
    Path zeros = folder.resolve("zeros.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraPair pair = RandomInputs.pairs(gguf, List.of("attn_q"), 4, 3).getFirst();
      LoraPair nothing =
          new LoraPair(
              pair.baseTensor(),
              pair.inputs(),
              pair.outputs(),
              4,
              pair.a(),
              new float[pair.b().length]);
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(gguf), Map.of());
      AdapterExporter.write(new LoraAdapter("llama", 4, List.of(nothing)), metadata, zeros);
    }
    CommandRun run =
        CommandRun.of(
            "verify", "--model", base, "--adapter", zeros, "--device", "cpu", "--threads", 1);
    assertEquals(3, run.exitCode(), run.err());
    assertTrue(run.out().contains("inconclusive: the adapter changes nothing"), run.out());
  }

  @Test
  void listsDevices() {
    assertTrue(CommandRun.of("devices").assertSucceeds().out().contains("cpu"));
    String table = CommandRun.of("devices", "--operations").assertSucceeds().out();
    assertTrue(table.contains("mul_mat") && table.contains("soft_max_back"), table);
  }

  @Test
  void listsFamiliesOfModels() {
    String out = CommandRun.of("models").assertSucceeds().out();
    for (Family family : Family.ALL) {
      assertTrue(out.contains("\n" + family.architecture() + " "), out);
    }
    assertTrue(out.contains("q k v o gate up down"), out);
  }

  @Test
  void badInputIsOneOrTwoLines() throws IOException {
    Path page = Files.writeString(folder.resolve("page.gguf"), "<!DOCTYPE html><html></html>");
    CommandRun.of("generate", "--model", page, "--prompt", "a").assertFails(2, "page.gguf");
    Path missing = folder.resolve("missing.gguf");
    CommandRun.of("generate", "--model", missing, "--prompt", "a").assertFails(2, "missing.gguf");
    CommandRun.of("generate", "--model", base).assertFails(2, "--prompt");
    CommandRun.of("generate", "--model", base, "--prompt", "a", "--tokens", 0)
        .assertFails(2, "--tokens");
    CommandRun.of("generate", "--model", base, "--prompt", "a", "--tokens", 300)
        .assertFails(2, "256");
    CommandRun.of("generate", "--model", base, "--prompt", "a", "--tokens", "x")
        .assertFails(2, "'x'");
    CommandRun.of("generate", "--model", base, "--prompt", "a", "--temperature", -1)
        .assertFails(2, "--temperature");
    CommandRun.of("generate", "--model", adapter, "--adapter", base, "--prompt", "a")
        .assertFails(2);
    CommandRun.of("eval", "--model", base, "--data", missing).assertFails(2, "missing.gguf");
    CommandRun.of("eval", "--model", base, "--data", page, "--context", 9999).assertFails(2, "256");
  }

  @Test
  void badQuantizationLeavesNothing() throws IOException {
    Path out = folder.resolve("out.gguf");
    CommandRun.of("quantize", base, out, "--type", "Q9").assertFails(2, "Q9", "Q4_0");
    CommandRun.of("quantize", base, out).assertFails(2, "--type");
    CommandRun.of("quantize", base, base, "--type", "Q4_0").assertFails(2);
    CommandRun.of("quantize", base, folder.resolve("none/out.gguf"), "--type", "Q4_0")
        .assertFails(1);
    assertFalse(Files.exists(out));
  }
}
