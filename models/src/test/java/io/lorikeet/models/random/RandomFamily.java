package io.lorikeet.models.random;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.TensorList;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Writes small models of any family with random weights: those tensors that the family says a base
/// with this metadata has. llama.cpp, which loads the file, is what proves the family right.
public final class RandomFamily {
  public static final int VOCABULARY = 300;

  private static final int OUTLYING = 5;
  private static final float OUTLIER = 1000;
  private static final float LITTLE = 0.2f;

  private final String architecture;
  private final TensorType type;
  private final Map<String, TensorType> types = new HashMap<>();
  private final Map<String, GgufValue> keys = new LinkedHashMap<>();
  private final Set<String> names = new HashSet<>(Set.of("output.weight"));
  private final Map<String, List<Long>> extra = new LinkedHashMap<>();
  private boolean biases = true;
  private boolean outliers;
  private int vocabulary = VOCABULARY;

  /// 2 layers of 64 (256 for types with blocks of that size), 4 heads and 2 for keys and values, a
  /// head of its own, every bias that llama.cpp takes.
  public RandomFamily(String architecture, TensorType type) {
    this.architecture = architecture;
    this.type = type;
    int width = width();
    put("block_count", 2);
    put("context_length", 256);
    put("embedding_length", width);
    put("feed_forward_length", 2 * width);
    put("attention.head_count", 4);
    put("attention.head_count_kv", 2);
    put("attention.layer_norm_rms_epsilon", 1e-5f);
    put("rope.freq_base", 1000f);
  }

  /// Elements of a hidden state, unless that was set.
  public int width() {
    return Math.max(64, type.blockSize());
  }

  public RandomFamily put(String key, int value) {
    return put(key, new GgufValue.Int(GgufType.UINT32, value));
  }

  public RandomFamily put(String key, float value) {
    return put(key, new GgufValue.Real(GgufType.FLOAT32, value));
  }

  public RandomFamily put(String key, String value) {
    return put(key, new GgufValue.TextValue(value));
  }

  /// Adds a key, named without the architecture in front.
  public RandomFamily put(String key, GgufValue value) {
    keys.put(key, value);
    return this;
  }

  /// Leaves a key out.
  public RandomFamily without(String key) {
    keys.remove(key);
    return this;
  }

  /// Leaves the head out: the embedding serves as one.
  public RandomFamily tied() {
    names.remove("output.weight");
    return this;
  }

  /// Leaves the biases out.
  public RandomFamily unbiased() {
    biases = false;
    return this;
  }

  /// Adds a tensor that the family leaves open.
  public RandomFamily with(String tensor) {
    names.add(tensor);
    return this;
  }

  /// Repeats its layers until there are at least this many, with what each has of its own.
  public RandomFamily deep(int layers) {
    int few = Math.toIntExact(((GgufValue.Int) keys.get("block_count")).value());
    int times = (layers + few - 1) / few;
    keys.replaceAll(
        (_, value) ->
            value instanceof GgufValue.Array all && all.count() == few
                ? repeated(all.longs(), times)
                : value);
    for (String name : List.copyOf(names)) {
      for (int i = 1; name.startsWith("blk.") && i < times; i++) {
        String[] parts = name.split("\\.", 3);
        names.add("blk." + (Integer.parseInt(parts[1]) + i * few) + "." + parts[2]);
      }
    }
    return put("block_count", few * times);
  }

  private static GgufValue repeated(long[] values, int times) {
    int[] all = new int[values.length * times];
    Arrays.setAll(all, i -> Math.toIntExact(values[i % values.length]));
    return GgufValue.Array.ofInts(all);
  }

  /// Makes a channel of the hidden states a thousand times as large as others, as trained models
  /// have some; the norms before layers and the head undo that.
  public RandomFamily outliers() {
    outliers = true;
    return this;
  }

  /// Sets the number of tokens.
  public RandomFamily vocabulary(int tokens) {
    vocabulary = tokens;
    return this;
  }

  /// Adds a tensor that the family says nothing of.
  public RandomFamily withExtra(String tensor, Long... shape) {
    extra.put(tensor, List.of(shape));
    return this;
  }

  /// Sets the type of one kind of matrix: `attn_q`, `ffn_gate_exps`, ….
  public RandomFamily type(String role, TensorType ofThese) {
    types.put(role, ofThese);
    return this;
  }

  public String architecture() {
    return architecture;
  }

  /// Writes the model.
  ///
  /// @return the path given
  public Path write(Path path) throws IOException {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", new GgufValue.TextValue(architecture));
    metadata.put("general.name", new GgufValue.TextValue("random"));
    keys.forEach((key, value) -> metadata.put(architecture + "." + key, value));
    ModelConfig config =
        ModelConfig.read(new GgufMetadata(path.toString(), metadata), vocabulary, names);
    GgufWriter writer = new GgufWriter();
    metadata.forEach(writer::put);
    RandomVocabulary.putInto(writer, vocabulary);
    TensorList list = config.tensors(names);
    list.required().forEach((name, shape) -> add(writer, config, list, name, shape));
    list.optional()
        .forEach(
            (name, shape) -> {
              if (names.contains(name) || biases && name.endsWith(".bias")) {
                add(writer, config, list, name, shape);
              }
            });
    extra.forEach((name, shape) -> add(writer, config, list, name, shape));
    writer.write(path);
    return path;
  }

  private void add(
      GgufWriter writer, ModelConfig config, TensorList list, String name, List<Long> shape) {
    long[] extents = shape.stream().mapToLong(Long::longValue).toArray();
    int inputs = Math.toIntExact(extents[0]);
    if (name.startsWith("rope_")) {
      writer.addTensor(name, extents, factors(name, inputs));
      return;
    }
    TensorType own = isMatrix(list, name, extents) ? typeOf(name) : TensorType.F32;
    TensorSource values = RandomWeights.of(architecture, config.tied(), own, name, shape, 0);
    boolean changed = outliers && own == TensorType.F32 && reachesOutlier(config, name);
    writer.addTensor(name, own, extents, changed ? withOutlier(values, name, inputs) : values);
  }

  /// Whether a tensor makes the hidden states' channels, or is a norm of them.
  private static boolean reachesOutlier(ModelConfig config, String name) {
    String ofFeedForward = config.family().feedForwardNorm();
    return name.equals("token_embd.weight")
        || name.equals(config.family().outputNorm())
        || name.endsWith(".attn_norm.weight")
        || ofFeedForward != null && name.endsWith("." + ofFeedForward);
  }

  /// A channel of 1,000 among those of 1 makes a norm divide by its share of their root mean
  /// square, whatever the others are. So they would grow from layer to layer, if each layer didn't
  /// add little.
  private static TensorSource withOutlier(TensorSource values, String name, int width) {
    return channel -> {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      values.writeTo(Channels.newChannel(bytes));
      FloatBuffer floats =
          ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
      float[] all = new float[floats.remaining()];
      floats.get(all);
      float others = name.contains("norm") ? LITTLE * OUTLIER / (float) Math.sqrt(width) : 1;
      for (int i = 0; i < all.length; i++) {
        if (i % width != OUTLYING) {
          all[i] *= others;
        } else if (name.contains("norm")) {
          all[i] /= OUTLIER;
        } else { // nearly the same for all tokens, as in trained models
          all[i] = OUTLIER * (1 + 0.1f * all[i]);
        }
      }
      TensorSource.of(all).writeTo(channel);
    };
  }

  private static boolean isMatrix(TensorList list, String name, long[] extents) {
    return extents.length > 1
        && !name.contains("ffn_gate_inp")
        && !name.matches(".*(altup|laurel)_.*") // which llama.cpp's quantizer leaves as they are
        && !list.isExact(name)
        && !name.endsWith(".bias");
  }

  private TensorType typeOf(String name) {
    String[] parts = name.split("\\.");
    return types.getOrDefault(parts[parts.length - 2], type);
  }

  private static float[] factors(String name, int count) {
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      factors[i] = name.contains("short") ? 1 + 0.1f * i : 1 + i;
    }
    return factors;
  }
}
