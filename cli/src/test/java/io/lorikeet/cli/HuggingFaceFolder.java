package io.lorikeet.cli;

import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;

/// A Qwen 2 of one layer with random weights, with a vocabulary of the 256 bytes.
final class HuggingFaceFolder {
  private static final int WIDTH = 32;

  private HuggingFaceFolder() {}

  static Path write(Path model) throws IOException {
    Files.createDirectories(model);
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
}
