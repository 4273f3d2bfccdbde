package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `convert`, `imatrix` and what `quantize` says.
@ExtendWith(LeakCheck.class)
class ModelCommandsTest {
  private static final int WIDTH = 32;

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
    Path model = huggingFaceFolder();
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

  /// A Qwen 2 of one layer, with a vocabulary of the 256 bytes.
  private static Path huggingFaceFolder() throws IOException {
    Path model = Files.createDirectories(folder.resolve("hf"));
    Files.writeString(
        model.resolve("config.json"),
        """
        {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 32, "intermediate_size": 64,
         "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "vocab_size": 258,
         "tie_word_embeddings": true}
        """);
    StringBuilder vocabulary = new StringBuilder();
    int next = 256;
    for (int i = 0; i < 256; i++) {
      boolean printable = i >= '!' && i <= '~' || i >= 0xa1 && i <= 0xac || i >= 0xae;
      vocabulary.append("\"\\u%04x\": %d, ".formatted(printable ? i : next++, i));
    }
    Files.writeString(
        model.resolve("tokenizer.json"),
        """
        {"added_tokens": [{"id": 257, "content": "<end>", "special": true}],
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
         "model": {"type": "BPE", "merges": ["a b"], "vocab": {%s "ab": 256}}}
        """
            .formatted(vocabulary));
    Files.writeString(model.resolve("tokenizer_config.json"), "{\"eos_token\": \"<end>\"}");
    SplittableRandom random = new SplittableRandom(5);
    SafetensorsWriter writer = new SafetensorsWriter();
    add(writer, random, "embed_tokens", 258, WIDTH);
    add(writer, random, "norm", WIDTH);
    add(writer, random, "layers.0.input_layernorm", WIDTH);
    add(writer, random, "layers.0.post_attention_layernorm", WIDTH);
    for (String name : new String[] {"q", "k", "v"}) {
      int rows = name.equals("q") ? WIDTH : WIDTH / 2;
      add(writer, random, "layers.0.self_attn." + name + "_proj", rows, WIDTH);
    }
    add(writer, random, "layers.0.self_attn.o_proj", WIDTH, WIDTH);
    add(writer, random, "layers.0.mlp.gate_proj", 64, WIDTH);
    add(writer, random, "layers.0.mlp.up_proj", 64, WIDTH);
    add(writer, random, "layers.0.mlp.down_proj", WIDTH, 64);
    writer.write(model.resolve("model.safetensors"));
    return model;
  }

  private static void add(
      SafetensorsWriter writer, SplittableRandom random, String name, long... shape) {
    int count = (int) (shape.length == 1 ? shape[0] : shape[0] * shape[1]);
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextDouble(-0.5, 0.5);
    }
    writer.addTensor("model." + name + ".weight", shape, numbers);
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
    assertFalse(Files.exists(output));
    CommandRun.of("quantize", base, output, "--type", "Q8_0", "--dry-run", "--report")
        .assertFails(2, "--report");
    CommandRun.of("quantize", base, output, "--type", "Q8_0", "--data", text)
        .assertFails(2, "--report");
  }
}
