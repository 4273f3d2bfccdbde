package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `merge`, `verify --merged` and `train --for merged`.
@ExtendWith(LeakCheck.class)
class MergeCommandTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path adapter;
  private static Path data;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    adapter = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter("llama", 4, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_up"), 4, 3));
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), adapter);
    }
    data = folder.resolve("data.jsonl");
    Files.writeString(
        data,
        "{\"prompt\": \"a\", \"completion\": \" b c d e f g h\"}\n".repeat(2)
            + "{\"text\": \"abc abc abc abc abc\"}\n".repeat(4));
  }

  private static CommandRun merge(Object... more) {
    Object[] args = {"merge", "--model", base, "--adapter", adapter, "--threads", 1};
    return CommandRun.of(Stream.of(args, more).flatMap(Stream::of).toArray());
  }

  @Test
  void mergesAndProves() {
    Path merged = folder.resolve("merged.gguf");
    String out = merge("--output", merged, "--data", data).assertSucceeds().out();
    for (String word : List.of("attn_q Q4_0", "kept", "merged file", "GB/s", "llama-server")) {
      assertTrue(out.contains(word), out);
    }
    CommandRun verified =
        CommandRun.of(
            "verify", "--model", base, "--adapter", adapter, "--merged", merged, "--threads", 1);
    assertTrue(verified.assertSucceeds().out().contains("verified: the merged file"));
    CommandRun unmerged =
        CommandRun.of(
            "verify", "--model", base, "--adapter", adapter, "--merged", base, "--threads", 1);
    assertEquals(1, unmerged.exitCode());
    assertTrue(unmerged.out().contains("FAILED"), unmerged.out());
  }

  @Test
  void json() throws IOException {
    Path merged = folder.resolve("json.gguf");
    CommandRun run = merge("--output", merged, "--json", "--type", "BF16", "--data", data);
    JsonNode json = JsonMapper.builder().build().readTree(run.assertSucceeds().out());
    assertEquals(4, json.get("tensors").size());
    assertEquals("Q4_0", json.get("tensors").get(0).get("from").asText());
    assertEquals("BF16", json.get("tensors").get(0).get("to").asText());
    assertEquals(1, json.get("all").get("kept").asDouble(), 0.01);
    assertTrue(json.get("verification").get("passed").asBoolean());
    Object[] verify = {"verify", base, adapter, "--threads", 1, "--json"};
    JsonNode proof = JsonMapper.builder().build().readTree(CommandRun.of(verify).out());
    assertEquals("passed", proof.get("verdict").asText());
    assertTrue(proof.get("difference_share").asDouble() < 0.003, proof.toString());
    Object[] unmerged = {"verify", base, adapter, "--merged", base, "--threads", 1, "--json"};
    CommandRun failed = CommandRun.of(unmerged);
    assertEquals(1, failed.exitCode());
    proof = JsonMapper.builder().build().readTree(failed.out());
    assertEquals("failed", proof.get("verdict").asText());
  }

  @Test
  void refusesWhatItCantMerge() throws IOException {
    Path out = folder.resolve("refused.gguf");
    merge("--output", base).assertFails(2, "base.gguf", "another name");
    merge("--output", adapter).assertFails(2, "another name");
    merge("--output", data, "--data", data).assertFails(2, "data.jsonl, which is read");
    merge("--output", data, "--imatrix", data).assertFails(2, "data.jsonl, which is read");
    merge("--output", out, "--type", "Q9").assertFails(2, "Q9", "Q4_0");
    merge("--output", out, "--keep-quality", "0.1").assertFails(2, "--data");
    merge("--output", out, "--rounding", "up").assertFails(2, "--rounding");
    merge("--output", folder.resolve("none/out.gguf")).assertFails(1, "doesn't exist");
    CommandRun.of("merge", "--model", base, "--adapter", adapter + ":x", "--output", out)
        .assertFails(2, "'x' should be a scale");
    CommandRun.of("merge", "--model", adapter, "--adapter", base, "--output", out)
        .assertFails(2, "adapter.gguf");
    assertFalse(Files.exists(out));
  }

  @Test
  void anotherBaseOnlyByForce() throws IOException {
    Path other = RandomModel.of(TensorType.Q4_0).seed(2).write(folder.resolve("other.gguf"));
    Path out = folder.resolve("forced.gguf");
    Object[] args = {"merge", "--model", other, "--adapter", adapter, "--output", out};
    CommandRun.of(args).assertFails(2, "another file", "--force");
    assertFalse(Files.exists(out));
    Object[] forced = Arrays.copyOf(args, args.length + 1);
    forced[args.length] = "--force";
    CommandRun.of(forced).assertSucceeds();
    Path larger =
        RandomModel.of(TensorType.Q4_0).feedForward(256).write(folder.resolve("larger.gguf"));
    forced[2] = larger;
    CommandRun shapes = CommandRun.of(forced);
    assertEquals(2, shapes.exitCode());
    assertTrue(shapes.err().contains("and should have [4, 256]"), shapes.err());
  }

  /// Everything that is wrong with an adapter, at once.
  @Test
  void damagedAdapter() throws IOException {
    Path damaged = folder.resolve("damaged.gguf");
    new GgufWriter()
        .putString("general.type", "adapter")
        .putString("general.architecture", "llama")
        .putString("adapter.type", "lora")
        .putFloat32("adapter.lora.alpha", 4)
        .addTensor("blk.0.attn_q.weight.lora_a", new long[] {64, 1}, new float[64])
        .addTensor("blk.0.ffn_up.weight.lora_a", new long[] {60, 1}, new float[60])
        .addTensor("blk.0.ffn_up.weight.lora_b", new long[] {1, 128}, new float[128])
        .addTensor("blk.1.ffn_up.weight.lora_a", new long[] {64, 1}, nans(64))
        .addTensor("blk.1.ffn_up.weight.lora_b", new long[] {1, 128}, new float[128])
        .addTensor("blk.9.ffn_up.weight.lora_a", new long[] {64, 1}, new float[64])
        .addTensor("blk.9.ffn_up.weight.lora_b", new long[] {1, 128}, new float[128])
        .write(damaged);
    Path out = folder.resolve("refused.gguf");
    CommandRun run = CommandRun.of("merge", "--model", base, "--adapter", damaged, "--output", out);
    assertEquals(2, run.exitCode());
    for (String word :
        List.of(
            "blk.0.attn_q.weight.lora_b is missing",
            "has the shape [60]",
            "NaN",
            "blk.9.ffn_up.weight is not in the base")) {
      assertTrue(run.err().contains(word), run.err());
    }
    assertFalse(Files.exists(out));
  }

  private static float[] nans(int count) {
    float[] values = new float[count];
    values[3] = Float.NaN;
    return values;
  }

  /// The last loss that training measures is the merged file's in llama.cpp.
  @Test
  void trainsForTheMergedFile() {
    Path trained = folder.resolve("trained.gguf");
    Path merged = folder.resolve("trained-merged.gguf");
    CommandRun training =
        CommandRun.of(
            "train",
            "--model",
            base,
            "--data",
            data,
            "--validation",
            data,
            "--output",
            trained,
            "--precision",
            "llama",
            "--for",
            "merged",
            "--steps",
            6,
            "--learning-rate",
            "2e-2",
            "--context",
            32,
            "--threads",
            1,
            "--device",
            "cpu");
    assertTrue(training.exitCode() <= 1, training.err());
    double measured = last(training.out(), "validation loss (\\d+\\.\\d+)");
    CommandRun.of("merge", "--model", base, "--adapter", trained, "--output", merged)
        .assertSucceeds();
    String evaluated =
        CommandRun.of("eval", "--model", merged, "--data", data, "--context", 32, "--threads", 1)
            .assertSucceeds()
            .out();
    assertEquals(measured, last(evaluated, "adapter: loss (\\d+\\.\\d+)"), 2e-3 * measured);
    String metadata = CommandRun.of("inspect", trained).assertSucceeds().out();
    assertTrue(metadata.contains("merged"), metadata);
    CommandRun.of(
            "train",
            "--model",
            base,
            "--data",
            data,
            "--output",
            trained,
            "--for",
            "merged",
            "--dropout",
            "0.1",
            "--target",
            "token_embd")
        .assertFails(2);
  }

  private static double last(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    double found = Double.NaN;
    while (matcher.find()) {
      found = Double.parseDouble(matcher.group(1));
    }
    return found;
  }
}
