package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `inspect`, `diff`, `combine` and `resize` on a random base and adapters.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class AdapterCommandsTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path first;
  private static Path second;
  private static Path other;

  @BeforeAll
  static void makeFiles() throws IOException {
    base =
        RandomModel.of(TensorType.Q4_0)
            .put(
                "tokenizer.chat_template",
                new GgufValue.TextValue("{% for m in messages %}<|im_start|>{{ m.role }}"))
            .write(folder.resolve("base.gguf"));
    Path otherBase = RandomModel.of(TensorType.F32).seed(2).write(folder.resolve("other.gguf"));
    first = adapter(base, "first.gguf", 8, 4, "attn_q", "ffn_up");
    second = adapter(base, "second.gguf", 4, 2, "attn_q", "attn_v");
    other = adapter(otherBase, "elsewhere.gguf", 4, 2, "attn_q");
  }

  private static Path adapter(Path base, String name, float alpha, int rank, String... roles)
      throws IOException {
    Path file = folder.resolve(name);
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter("llama", alpha, RandomInputs.pairs(gguf, List.of(roles), rank, rank));
      AdapterExporter.write(
          lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of("seed", name)), file);
    }
    return file;
  }

  @Test
  void inspectsAnAdapter() throws IOException {
    String out = CommandRun.of("inspect", first).assertSucceeds().out();
    assertTrue(out.contains("adapter for llama: rank 4, alpha 8.0, 4 weights"), out);
    assertTrue(out.contains("blk.*.ffn_up.weight.lora_a"), out);
    assertFalse(out.contains("amplified"), out);

    JsonNode json = json(CommandRun.of("inspect", first, "--model", base, "--json", "--hashes"));
    JsonNode adapter = json.get("adapter");
    assertEquals(4, adapter.get("weights").size());
    try (GgufFile gguf = GgufFile.open(base)) {
      assertEquals(gguf.parameterCount(), adapter.get("base_parameters").asLong());
      assertEquals(gguf.hash(), adapter.get("base_sha256").asText());
    }
    for (JsonNode weight : adapter.get("weights")) {
      assertEquals(4, weight.get("singular_values").size());
      double squares = 0;
      for (JsonNode value : weight.get("singular_values")) {
        squares += value.asDouble() * value.asDouble();
      }
      assertEquals(weight.get("norm").asDouble(), Math.sqrt(squares), 1e-9);
      assertTrue(weight.get("amplification").asDouble() > 0);
    }
    assertEquals(64, json.get("sha256").asText().length());
    assertEquals(64, json.get("tensors").get(0).get("sha256").asText().length());
    CommandRun.of("inspect", other, "--model", base).assertFails(2, "another file");
    CommandRun.of("inspect", other, "--model", base, "--force").assertSucceeds();
  }

  /// Wherever another base's adapter is refused, the way to insist is named, and is one.
  @Test
  void anotherBaseByForce() {
    Path merged = folder.resolve("forced-merged.gguf");
    List<List<Object>> commands =
        List.of(
            List.of("inspect", other, "--model", base),
            List.of("merge", "--adapter", other, "--model", base, "--output", merged),
            List.of("verify", "--adapter", other, "--model", base, "--merged", merged),
            List.of("verify", "--adapter", other, "--model", base, "--device", "cpu"),
            List.of("resize", other, "--model", base, "--rank", 1),
            List.of("combine", other, "--model", base, "--output", folder.resolve("fc.gguf")),
            List.of(
                "export",
                "--adapter",
                other,
                "--model",
                base,
                "--format",
                "peft",
                "--output",
                folder.resolve("forced-peft")));
    for (List<Object> command : commands) {
      CommandRun.of(command.toArray())
          .assertFails(2, "trained on another file", "--force to use it on this one");
      List<Object> insisting = new ArrayList<>(command);
      insisting.add("--force");
      CommandRun.of(insisting.toArray()).assertSucceeds();
    }
  }

  /// An adapter that acts from certain tokens on.
  @Test
  void activated() throws IOException {
    Path file = folder.resolve("activated.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          AdapterFile.read(first, gguf)
              .adapter()
              .activatedBy(Optional.of(new Invocation(List.of(70, 71))));
      AdapterMetadata metadata =
          new AdapterMetadata(BaseIdentity.of(gguf), Map.of("invocation", "a text"));
      AdapterExporter.write(lora, metadata, file);
    }
    String acts = "activated LoRA (aLoRA): acts from the tokens [70, 71] in a prompt on";
    String out = CommandRun.of("inspect", file).assertSucceeds().out();
    assertTrue(out.contains(acts + ", which are 'a text'"), out);
    CommandRun.of("verify", "--adapter", file, "--model", base, "--device", "cpu").assertSucceeds();
    String err =
        CommandRun.of(
                "generate", "--model", base, "--adapter", file, "--prompt", "a", "--tokens", 2)
            .assertSucceeds()
            .err();
    assertTrue(err.contains("invocation isn't in the prompt"), err);
    Path output = folder.resolve("of-activated.gguf");
    CommandRun.of("merge", "--adapter", file, "--model", base, "--output", output)
        .assertFails(2, "merged weights act on all of them, so it can't be merged");
    CommandRun.of("combine", file, first, "--output", output)
        .assertFails(2, "acts only from certain tokens on");
    CommandRun.of("resize", file, "--rank", 1, "--output", output).assertSucceeds();
    String resized = CommandRun.of("inspect", output).assertSucceeds().out();
    assertTrue(resized.contains(acts), resized);
  }

  @Test
  void inspectsModels() throws IOException {
    String out = CommandRun.of("inspect", base).assertSucceeds().out();
    assertTrue(out.contains("general.architecture = llama"), out);
    assertTrue(out.contains("blk.*.attn_q.weight"), out);
    Path safetensors = folder.resolve("model.safetensors");
    new SafetensorsWriter()
        .putMetadata("format", "pt")
        .addTensor("model.layers.0.up.weight", new long[] {2, 3}, new float[6])
        .addTensor("model.layers.1.up.weight", new long[] {2, 3}, new float[6])
        .write(safetensors);
    String ofSafetensors = CommandRun.of("inspect", safetensors).assertSucceeds().out();
    assertTrue(ofSafetensors.contains("model.layers.*.up.weight"), ofSafetensors);
    assertTrue(ofSafetensors.contains("format = pt"), ofSafetensors);
    assertEquals(
        "[2,3]",
        json(CommandRun.of("inspect", safetensors, "--json"))
            .get("tensors")
            .get(0)
            .get("shape")
            .toString());
    Path text = Files.writeString(folder.resolve("text.txt"), "no model");
    CommandRun.of("inspect", text).assertFails(2, "text.txt is neither a GGUF");
    CommandRun.of("inspect", folder.resolve("nothing.gguf")).assertFails(2, "nothing.gguf");
    CommandRun.of("inspect", base, "--model", base).assertFails(2, "no adapter");
  }

  @Test
  void comparesAdapters() throws IOException {
    assertTrue(CommandRun.of("diff", first, first).assertSucceeds().out().contains("the same"));
    CommandRun run = CommandRun.of("diff", first, second);
    assertEquals(1, run.exitCode(), run.err());
    assertTrue(run.out().contains("seed: first.gguf | second.gguf"), run.out());
    assertTrue(run.out().contains("all weights together"), run.out());
    JsonNode json = new JsonMapper().readTree(CommandRun.of("diff", first, second, "--json").out());
    assertEquals(6, json.get("weights").size());
    CommandRun.of("diff", first, base).assertFails(2, "not an adapter");
  }

  @Test
  void combinesExactly() throws IOException {
    Path combined = folder.resolve("combined.gguf");
    String out =
        CommandRun.of(
                "combine", first + ":0.5", second + ":-1", "--output", combined, "--model", base)
            .assertSucceeds()
            .out();
    assertTrue(out.contains("rank 2, 4, 6"), out);
    assertTrue(out.contains("llama-server -m " + base + " --lora " + combined), out);
    assertTrue(out.contains("FROM " + base), out);
    assertTrue(out.contains("ADAPTER " + combined), out);
    // The base of this test has a text that only looks like a chat template.
    assertTrue(out.contains("# no TEMPLATE"), out);
    assertTrue(out.contains("PARAMETER stop \"</s>\""), out);
    // Taking both parts away again leaves nothing.
    Path nothing = folder.resolve("nothing-left.gguf");
    CommandRun.of("combine", combined, first + ":-0.5", second, "--output", nothing)
        .assertSucceeds();
    for (JsonNode weight :
        json(CommandRun.of("inspect", nothing, "--json")).get("adapter").get("weights")) {
      assertEquals(0, weight.get("norm").asDouble(), 1e-5);
    }
  }

  @Test
  void lowersTheRank() throws IOException {
    String out = CommandRun.of("resize", first, "--rank", 3, "--store", "q8_0").out();
    assertTrue(out.contains("rank 3 keeps "), out);
    Path resized = folder.resolve("first-rank3.gguf");
    AdapterFile file = AdapterFile.read(resized);
    assertTrue(file.adapter().pairs().stream().allMatch(pair -> pair.rank() == 3));
    assertEquals("3", file.training().get("resized-rank"));
    assertEquals("first.gguf", file.training().get("seed"));
    Path both = folder.resolve("both.gguf");
    CommandRun.of("combine", first, second, "--rank", 2, "--output", both).assertSucceeds();
    assertEquals(2, AdapterFile.read(both).adapter().pairs().getFirst().rank());
  }

  @Test
  void goesToPeftAndComesBack() throws IOException {
    Path peft = folder.resolve("peft");
    CommandRun.of(
            "export", "--adapter", first, "--model", base, "--format", "peft", "--output", peft)
        .assertSucceeds();
    Path back = folder.resolve("back.gguf");
    String out =
        CommandRun.of(imported(peft, base, back, "--device", "cpu", "--threads", 1))
            .assertSucceeds()
            .out();
    assertTrue(out.contains("verified: "), out);
    assertEquals(-1, Files.mismatch(first, back));
    Path otherBase = folder.resolve("other.gguf");
    Path other = folder.resolve("not-imported.gguf");
    CommandRun.of(imported(peft, otherBase, other)).assertFails(2, "--force");
    Path empty = Files.createDirectory(folder.resolve("empty"));
    CommandRun.of(imported(empty, base, other)).assertFails(2, "adapter_config.json");
    assertFalse(Files.exists(other));
    CommandRun.of(imported(peft, base, base)).assertFails(2, "base.gguf");
    assertEquals(-1, Files.mismatch(first, back));
  }

  private static Object[] imported(Path peft, Path base, Path output, Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("import", peft, "--model", base, "--output", output));
    args.addAll(List.of(more));
    return args.toArray();
  }

  @Test
  void storesInLessRoom() throws IOException {
    Path small = folder.resolve("small.gguf");
    String out =
        CommandRun.of(
                "export",
                "--adapter",
                first,
                "--model",
                base,
                "--format",
                "gguf",
                "--store",
                "q8_0",
                "--output",
                small,
                "--device",
                "cpu",
                "--threads",
                1)
            .assertSucceeds()
            .out();
    assertTrue(out.contains("verified: "), out);
    try (GgufFile gguf = GgufFile.open(small)) {
      assertEquals(TensorType.Q8_0, gguf.tensor("blk.0.attn_q.weight.lora_a").orElseThrow().type());
    }
    assertTrue(Files.size(small) < Files.size(first));
  }

  @Test
  void refusesWhatCantBeRight() throws IOException {
    Path out = folder.resolve("out.gguf");
    CommandRun.of("combine", first, second, "--output", first).assertFails(2, "first.gguf");
    CommandRun run = CommandRun.of("combine", first, other, "--output", out);
    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("different bases"), run.err());
    assertTrue(run.err().contains("elsewhere.gguf for "), run.err());
    CommandRun.of("combine", first + ":0", second, "--output", out).assertFails(2, "'0'");
    CommandRun.of("combine", first, "--rank", 0, "--output", out).assertFails(2, "--rank");
    CommandRun.of("combine", first, folder.resolve("gone.gguf"), "--output", out)
        .assertFails(2, "gone.gguf");
    CommandRun.of("combine", first, "--output", folder.resolve("gone/out.gguf")).assertFails(1);
    CommandRun.of("resize", first, "--rank", 4, "--output", out).assertFails(2, "rank 4 already");
    Path unnamed = folder.resolve("unnamed.gguf");
    new GgufWriter()
        .putString("general.type", "adapter")
        .putString("general.architecture", "llama")
        .putString("adapter.type", "lora")
        .putFloat32("adapter.lora.alpha", 1)
        .addTensor("blk.0.attn_q.weight.lora_a", new long[] {64, 2}, new float[128])
        .addTensor("blk.0.attn_q.weight.lora_b", new long[] {2, 64}, new float[128])
        .write(unnamed);
    CommandRun.of("resize", unnamed, "--rank", 1, "--output", out).assertFails(2, "--model");
    CommandRun.of("combine", unnamed, "--output", out).assertFails(2, "--model");
    assertFalse(Files.exists(out));
    CommandRun.of("combine", first, other, "--output", out, "--force").assertSucceeds();
    CommandRun.of("combine", unnamed, "--output", out, "--model", base)
        .assertFails(2, "exists already", "--force");
    CommandRun.of("combine", unnamed, "--output", out, "--model", base, "--force").assertSucceeds();
  }

  private static JsonNode json(CommandRun run) throws IOException {
    return new JsonMapper().readTree(run.assertSucceeds().out());
  }
}
