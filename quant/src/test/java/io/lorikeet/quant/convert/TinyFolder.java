package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.SafetensorsWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// A Hugging Face folder with a small random model: two layers of width 32, four heads of 8 of
/// which keys and values have two, a byte-level vocabulary.
final class TinyFolder {
  static final int WIDTH = 32;
  static final int FEED_FORWARD = 64;
  static final int LAYERS = 2;
  static final String PATTERN_OF_LLAMA_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final JsonMapper JSON = JsonMapper.builder().build();

  final Path path;
  final ObjectNode config = JSON.createObjectNode();
  ObjectNode tokenizer = byteLevelTokenizer(PATTERN_OF_LLAMA_3, true);
  final ObjectNode tokenizerConfig = JSON.createObjectNode();
  final Map<String, long[]> shapes = new LinkedHashMap<>();
  final Map<String, float[]> values = new LinkedHashMap<>();

  private final SplittableRandom random = new SplittableRandom(42);

  TinyFolder(Path path, String architecture) {
    this.path = path;
    config.putArray("architectures").add(architecture);
    config
        .put("hidden_size", WIDTH)
        .put("intermediate_size", FEED_FORWARD)
        .put("num_hidden_layers", LAYERS)
        .put("num_attention_heads", 4)
        .put("num_key_value_heads", 2)
        .put("max_position_embeddings", 128)
        .put("rms_norm_eps", 1e-5)
        .put("vocab_size", 260)
        .put("tie_word_embeddings", false);
    config.putNull("rope_scaling");
    tokenizerConfig.put("bos_token", "<s>").put("eos_token", "</s>").put("add_bos_token", true);
    add("model.embed_tokens.weight", 260, WIDTH);
    add("model.norm.weight", WIDTH);
    add("lm_head.weight", 260, WIDTH);
    for (int layer = 0; layer < LAYERS; layer++) {
      String prefix = "model.layers." + layer + ".";
      add(prefix + "input_layernorm.weight", WIDTH);
      add(prefix + "post_attention_layernorm.weight", WIDTH);
      add(prefix + "self_attn.q_proj.weight", WIDTH, WIDTH);
      add(prefix + "self_attn.k_proj.weight", WIDTH / 2, WIDTH);
      add(prefix + "self_attn.v_proj.weight", WIDTH / 2, WIDTH);
      add(prefix + "self_attn.o_proj.weight", WIDTH, WIDTH);
      add(prefix + "mlp.gate_proj.weight", FEED_FORWARD, WIDTH);
      add(prefix + "mlp.up_proj.weight", FEED_FORWARD, WIDTH);
      add(prefix + "mlp.down_proj.weight", WIDTH, FEED_FORWARD);
    }
  }

  /// Adds a tensor of random numbers, in PyTorch's order of dimensions.
  void add(String name, long... shape) {
    int count = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextDouble(-1, 1);
    }
    shapes.put(name, shape);
    values.put(name, numbers);
  }

  void remove(String part) {
    shapes.keySet().removeIf(name -> name.contains(part));
  }

  Path write() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter().putMetadata("format", "pt");
    shapes.forEach((name, shape) -> writer.addTensor(name, shape, values.get(name)));
    return write(writer);
  }

  /// Writes the folder with all matrices as BF16, of which the values keep the upper half.
  Path writeAsBf16() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    shapes.forEach(
        (name, shape) -> {
          byte[] bytes = new byte[2 * values.get(name).length];
          for (int i = 0; i < values.get(name).length; i++) {
            int bits = Float.floatToRawIntBits(values.get(name)[i]) >>> 16;
            bytes[2 * i] = (byte) bits;
            bytes[2 * i + 1] = (byte) (bits >> 8);
            values.get(name)[i] = Float.intBitsToFloat(bits << 16);
          }
          writer.addTensor(name, SafetensorsType.BF16, shape, TensorSource.of(bytes));
        });
    return write(writer);
  }

  Path write(SafetensorsWriter weights) throws IOException {
    Files.createDirectories(path);
    JSON.writeValue(path.resolve("config.json").toFile(), config);
    if (tokenizer != null) {
      JSON.writeValue(path.resolve("tokenizer.json").toFile(), tokenizer);
    }
    JSON.writeValue(path.resolve("tokenizer_config.json").toFile(), tokenizerConfig);
    weights.write(path.resolve("model.safetensors"));
    return path;
  }

  /// All bytes, three special tokens after them and one merge.
  static ObjectNode byteLevelTokenizer(String pattern, boolean ignoreMerges) {
    ObjectNode tokenizer = JSON.createObjectNode();
    ObjectNode model = tokenizer.putObject("model");
    model.put("type", "BPE").put("ignore_merges", ignoreMerges);
    ObjectNode vocabulary = model.putObject("vocab");
    for (String letter : bytes()) {
      vocabulary.put(letter, vocabulary.size());
    }
    vocabulary.put("ab", 256);
    model.putArray("merges").add("a b");
    ArrayNode added = tokenizer.putArray("added_tokens");
    int id = 257;
    for (String special : List.of("<s>", "</s>", "<|pad|>")) {
      added.addObject().put("id", id++).put("content", special).put("special", true);
    }
    ArrayNode steps =
        tokenizer.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
    ObjectNode split = steps.addObject().put("type", "Split").put("behavior", "Isolated");
    split.put("invert", false).putObject("pattern").put("Regex", pattern);
    steps.addObject().put("type", "ByteLevel").put("use_regex", false);
    return tokenizer;
  }

  /// How byte-level BPE writes the 256 bytes as letters (GPT-2's `bytes_to_unicode`).
  static List<String> bytes() {
    List<String> letters = new ArrayList<>();
    int next = 256;
    for (int i = 0; i < 256; i++) {
      boolean printable = i >= '!' && i <= '~' || i >= 0xa1 && i <= 0xac || i >= 0xae;
      letters.add(String.valueOf((char) (printable ? i : next++)));
    }
    return letters;
  }
}
