package io.lorikeet.models.random;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.TensorList;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// The shape of a well-known model, to plan with before a file is there and to measure with random
/// weights. The table is `shapes.csv`; the tensors are those that the family of the architecture
/// asks for.
///
/// @param name the name that people use
/// @param source repository on Hugging Face whose `config.json` has these numbers
/// @param metadata keys of the architecture
/// @param vocabulary tokens
/// @param tied whether the head is the token embedding
public record KnownShape(
    String name, String source, GgufMetadata metadata, int vocabulary, boolean tied) {

  /// All of them, by family and size.
  public static final List<KnownShape> ALL = read();

  /// Words of a repository's name that say nothing of the shape.
  private static final String OTHER_WORDS = "meta|instruct|it|chat|base|hf|gguf|coder|v[0-9.]+";

  /// Architectures whose queries, keys and values have biases, which others may have.
  private static final Set<String> BIASED = Set.of("qwen2", "qwen2vl", "gpt-oss");

  private static final Map<String, TensorType> TYPES = typesByName();

  private static final String BIASES = ".*attn_[qkv].bias";

  /// The shape of this name in any case, with or without separators, the owner of the repository,
  /// and words such as `Instruct`.
  public static Optional<KnownShape> named(String name) {
    return ALL.stream().filter(shape -> plain(shape.name).equals(plain(name))).findFirst();
  }

  private static String plain(String name) {
    return Arrays.stream(name.substring(name.lastIndexOf('/') + 1).split("[-_ ]+"))
        .map(word -> word.toLowerCase(Locale.ROOT))
        .filter(word -> !word.matches(OTHER_WORDS))
        .collect(Collectors.joining())
        .replace(".", "");
  }

  public String architecture() {
    return metadata.requireString("general.architecture");
  }

  /// Weights in all tensors.
  public long weights() {
    return tensors().values().stream()
        .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
        .sum();
  }

  /// Names of the types that a file of a shape can have: those of llama.cpp's quantizer that give
  /// most matrices one type.
  public static Set<String> typeNames() {
    return TYPES.keySet();
  }

  /// The type that most matrices have in a file of a type of this name: one of [#typeNames], or
  /// ggml's own name for it.
  private static Optional<TensorType> type(String name) {
    return TYPES.entrySet().stream()
        .filter(entry -> name.equals(entry.getKey()) || name.equals(entry.getValue().name()))
        .map(Map.Entry::getValue)
        .findFirst();
  }

  private static Map<String, TensorType> typesByName() {
    Map<String, TensorType> types = new LinkedHashMap<>();
    for (TensorType type : RowQuantizer.types()) {
      boolean mixed = type == TensorType.Q4_K || type == TensorType.Q5_K;
      types.put(mixed ? type.name() + "_M" : type.name(), type);
    }
    return types;
  }

  /// Whether [#writeHead(Path, String)] takes a type of this name.
  public static boolean hasType(String name) {
    return type(name).isPresent();
  }

  /// As [#writeHead(Path, TensorType)], with a type's name that [#hasType] knows.
  public Path writeHead(Path path, String typeName) throws IOException {
    return writeHead(path, type(typeName).orElseThrow());
  }

  /// Writes the head of a file, which [io.lorikeet.quant.GgufFile#openHeader] reads.
  ///
  /// @param type of most matrices; the others have what llama.cpp gives them beside it (Q4_K stands
  ///     for Q4_K_M, Q5_K for Q5_K_M)
  /// @return the path given
  public Path writeHead(Path path, TensorType type) throws IOException {
    GgufWriter writer = new GgufWriter().copyMetadata(metadata);
    addTensors(writer, type, (_, _, _) -> _ -> {});
    writer.writeHead(path);
    return path;
  }

  /// Writes a model of this shape with random weights and a random vocabulary.
  ///
  /// @param typeName of most matrices, one that [#hasType] knows
  /// @param seed decides the weights
  /// @return the path given
  public Path writeRandom(Path path, String typeName, long seed) throws IOException {
    GgufWriter writer = new GgufWriter().copyMetadata(metadata);
    writer.putString("general.name", name).putUint32("general.quantization_version", 2);
    RandomVocabulary.putInto(writer, vocabulary);
    addTensors(
        writer,
        type(typeName).orElseThrow(),
        (tensor, type, shape) -> RandomWeights.of(architecture(), tied, type, tensor, shape, seed));
    writer.write(path);
    return path;
  }

  /// Where a tensor's contents come from.
  private interface Contents {
    TensorSource of(String tensor, TensorType type, List<Long> shape);
  }

  private void addTensors(GgufWriter writer, TensorType type, Contents contents) {
    int experts = (int) metadata.integer(architecture() + ".expert_count").orElse(0);
    Map<String, List<Long>> tensors = tensors();
    ShapeTypes types =
        new ShapeTypes(
            type,
            layers(),
            ShapeTypes.valueLayers(tensors.keySet()),
            queriesPerKey(),
            experts,
            tied);
    tensors.forEach(
        (name, shape) -> {
          TensorType own = types.of(name, shape);
          long[] extents = shape.stream().mapToLong(Long::longValue).toArray();
          writer.addTensor(name, own, extents, contents.of(name, own, shape));
        });
  }

  public int layers() {
    return number("block_count");
  }

  /// The first layers of this shape, with its embedding and head.
  ///
  /// @param count from 1 to [#layers]
  public KnownShape firstLayers(int count) {
    int removed = layers() - count;
    Map<String, GgufValue> values = new LinkedHashMap<>();
    for (String key : metadata.keys()) {
      GgufValue value = metadata.value(key).orElseThrow();
      if (value instanceof GgufValue.Array all && all.count() == layers()) {
        value = GgufValue.Array.ofInts(Arrays.copyOf(metadata.requireInts(key), count));
      }
      values.put(key, value);
    }
    String prefix = architecture() + ".";
    values.put(prefix + "block_count", new GgufValue.Int(GgufType.UINT32, count));
    String sharing = prefix + "attention.shared_kv_layers"; // the last ones
    metadata
        .integer(sharing)
        .ifPresent(
            last ->
                values.put(
                    sharing, new GgufValue.Int(GgufType.UINT32, Math.max(0, last - removed))));
    return new KnownShape(name, source, new GgufMetadata(name, values), vocabulary, tied);
  }

  /// In the first layer; 0 where it doesn't attend.
  private int queriesPerKey() {
    String key = architecture() + ".attention.head_count_kv";
    int keyHeads =
        metadata.value(key).orElseThrow() instanceof GgufValue.Array
            ? metadata.requireInts(key)[0]
            : number("attention.head_count_kv");
    return keyHeads == 0 ? 0 : number("attention.head_count") / keyHeads;
  }

  private int number(String key) {
    return Math.toIntExact(metadata.requireInteger(architecture() + "." + key));
  }

  /// Names and shapes.
  private Map<String, List<Long>> tensors() {
    Set<String> names = new HashSet<>(); // of which a family has several forms
    if (!tied) {
      names.add("output.weight");
    }
    if (architecture().equals("phi3")) {
      for (int layer = 0; layer < layers(); layer++) {
        names.add("blk." + layer + ".attn_qkv.weight");
      }
    }
    ModelConfig config = ModelConfig.read(metadata, vocabulary, names);
    if (architecture().equals("gemma4")) {
      for (int layer = 0; layer < config.layers(); layer++) {
        if (hasValues(config.layer(layer))) {
          names.add("blk." + layer + ".attn_v.weight");
        }
      }
    }
    TensorList list = config.tensors(names);
    Map<String, List<Long>> tensors = new LinkedHashMap<>(list.required());
    list.optional()
        .forEach(
            (name, shape) -> {
              boolean biased = BIASED.contains(architecture()) && name.matches(BIASES);
              if (biased || names.contains(name)) {
                tensors.put(name, shape);
              }
            });
    return tensors;
  }

  /// Gemma 4's larger models have no values of their own where they see everything: those are the
  /// keys (`attention_k_eq_v`).
  private static boolean hasValues(LayerConfig layer) {
    return !layer.borrowsKeys() && (layer.window() > 0 || layer.tokenInputs() > 0);
  }

  private static List<KnownShape> read() {
    try (InputStream table = KnownShape.class.getResourceAsStream("shapes.csv")) {
      return new String(table.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> of(line.split(",", -1)))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static KnownShape of(String[] cells) {
    String architecture = cells[1];
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put("general.architecture", new GgufValue.TextValue(architecture));
    List<String> keys =
        List.of(
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "attention.head_count_kv",
            "attention.key_length");
    for (int i = 0; i < keys.size(); i++) {
      values.put(architecture + "." + keys.get(i), value(cells[2 + i]));
    }
    values.put(architecture + ".attention.value_length", value(cells[7]));
    values.put(architecture + ".context_length", value(cells[9]));
    values.put(
        architecture + ".attention.layer_norm_rms_epsilon",
        new GgufValue.Real(GgufType.FLOAT32, 1e-5));
    for (String pair : cells[11].isEmpty() ? new String[0] : cells[11].split(" ")) {
      String[] parts = pair.split("=");
      values.put(architecture + "." + parts[0], value(parts[1]));
    }
    return new KnownShape(
        cells[0],
        cells[12],
        new GgufMetadata(cells[0], values),
        Integer.parseInt(cells[8]),
        cells[10].equals("tied"));
  }

  private static GgufValue value(String text) {
    String[] numbers = text.split(";");
    if (numbers.length > 1) {
      return GgufValue.Array.ofInts(Arrays.stream(numbers).mapToInt(Integer::parseInt).toArray());
    }
    if (text.equals("false")) {
      return new GgufValue.Bool(false);
    }
    return text.contains(".")
        ? new GgufValue.Real(GgufType.FLOAT32, Double.parseDouble(text))
        : new GgufValue.Int(GgufType.UINT32, Long.parseLong(text));
  }
}
