package io.lorikeet.models.random;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes llama-shaped GGUF models with random weights, which llama.cpp loads as well: to measure
/// and to test with, where no real one is at hand. Weights have a standard deviation of
/// 1/sqrt(inputs), norms are around 1, so activations and logits are around 1 in size.
///
/// ```java
/// Path model = folder.resolve("model.gguf");
/// RandomModel.of(TensorType.Q4_K).biases().tied().write(model);
/// ```
public final class RandomModel {
  private static final double NORM_DEVIATION = 0.1;
  private static final double BIAS_DEVIATION = 0.2;

  private final Map<String, TensorType> types = new HashMap<>();
  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
  private final TensorType type;
  private int layers = 2;
  private int width;
  private int feedForward;
  private int heads = 4;
  private int keyValueHeads = 2;
  private int headSize;
  private int vocabulary = 400;
  private int context = 256;
  private double ropeBase = 10000;
  private boolean ropeFactors;
  private boolean biases;
  private boolean tied;
  private long seed = 1;

  /// Shapes to measure with, all with a vocabulary of 32,000.
  public enum RandomShape {
    /// 12 layers of 768, feed-forward 2048, 12 heads and 4 for keys and values: 125 million
    /// weights.
    S("S", 12, 768, 2048, 12, 4),
    /// TinyLlama-1.1B: 22 layers of 2048, feed-forward 5632, 32 heads and 4 for keys and values.
    M("M", 22, 2048, 5632, 32, 4),
    /// The layers of Llama-3.1-8B: 32 of 4096, feed-forward 14336, 32 heads and 8 for keys and
    /// values: 7.2 billion weights with this vocabulary.
    LLAMA_8B("8B", 32, 4096, 14336, 32, 8);

    private final String label;
    private final int layers;
    private final int width;
    private final int feedForward;
    private final int heads;
    private final int keyValueHeads;

    RandomShape(
        String label, int layers, int width, int feedForward, int heads, int keyValueHeads) {
      this.label = label;
      this.layers = layers;
      this.width = width;
      this.feedForward = feedForward;
      this.heads = heads;
      this.keyValueHeads = keyValueHeads;
    }

    /// The shape of this name in any case.
    public static Optional<RandomShape> named(String name) {
      return Arrays.stream(values()).filter(one -> one.label.equalsIgnoreCase(name)).findFirst();
    }

    public int layers() {
      return layers;
    }

    /// The name that people use.
    @Override
    public String toString() {
      return label;
    }
  }

  private RandomModel(TensorType type) {
    this.type = type;
    width(Math.max(64, type.blockSize()));
  }

  /// The smallest model whose matrices can be of this type. It has 2 layers of width 64 (256 for
  /// types with blocks of that size), 4 heads and 2 for keys and values. Its vocabulary has 400
  /// tokens, its context 256, and its head isn't tied.
  public static RandomModel of(TensorType type) {
    return new RandomModel(type);
  }

  /// A model of one of the shapes to measure with, context 2048.
  public static RandomModel of(RandomShape shape, TensorType type) {
    return new RandomModel(type)
        .layers(shape.layers)
        .width(shape.width)
        .feedForward(shape.feedForward)
        .heads(shape.heads, shape.keyValueHeads)
        .vocabulary(32000)
        .context(2048);
  }

  /// As [#of(Shape, TensorType)], with the type's name in any case.
  ///
  /// @throws InvalidInputException when it isn't one of [#typeNames]
  public static RandomModel of(RandomShape shape, String typeName) {
    return RowQuantizer.types().stream()
        .filter(type -> type.name().equalsIgnoreCase(typeName))
        .findFirst()
        .map(type -> of(shape, type))
        .orElseThrow(() -> new InvalidInputException("there is no type " + typeName));
  }

  /// Names of the types that weights can be made of.
  public static List<String> typeNames() {
    return RowQuantizer.types().stream().map(TensorType::name).toList();
  }

  public RandomModel layers(int count) {
    layers = count;
    return this;
  }

  /// Sets the embedding length, and the feed-forward length to its double.
  public RandomModel width(int length) {
    width = length;
    feedForward = 2 * length;
    return this;
  }

  public RandomModel feedForward(int length) {
    feedForward = length;
    return this;
  }

  /// Sets the number of query heads, and of those of keys and values.
  public RandomModel heads(int queries, int keysAndValues) {
    heads = queries;
    keyValueHeads = keysAndValues;
    return this;
  }

  /// Sets the length of a head, which is otherwise the width's share (as in Mistral Nemo, where it
  /// isn't).
  public RandomModel headSize(int length) {
    headSize = length;
    return this;
  }

  /// Sets the number of tokens, at least 259.
  public RandomModel vocabulary(int tokens) {
    vocabulary = tokens;
    return this;
  }

  /// Sets the context length that the metadata names.
  public RandomModel context(int length) {
    context = length;
    return this;
  }

  public RandomModel ropeBase(double base) {
    ropeBase = base;
    return this;
  }

  /// Adds `rope_freqs.weight` with factors from 1 for the highest frequencies to 8 for the lowest,
  /// as Llama 3 has.
  public RandomModel ropeFactors() {
    ropeFactors = true;
    return this;
  }

  /// Adds `llama.rope.scaling.*`.
  ///
  /// @param kind "none", "linear" or "yarn"
  /// @param factor how much the context is stretched
  /// @param originalContext context length before that
  public RandomModel ropeScaling(String kind, double factor, int originalContext) {
    put("llama.rope.scaling.type", new GgufValue.TextValue(kind));
    put("llama.rope.scaling.factor", new GgufValue.Real(GgufType.FLOAT32, (float) factor));
    return put(
        "llama.rope.scaling.original_context_length",
        new GgufValue.Int(GgufType.UINT32, originalContext));
  }

  /// Gives every linear layer but the head a bias.
  public RandomModel biases() {
    biases = true;
    return this;
  }

  /// Leaves the head out: the embedding serves as one.
  public RandomModel tied() {
    tied = true;
    return this;
  }

  /// Sets the type of one kind of matrix.
  ///
  /// @param role `token_embd`, `output`, or a layer's `attn_q`, `attn_k`, `attn_v`, `attn_output`,
  ///     `ffn_gate`, `ffn_up`, `ffn_down`
  public RandomModel type(String role, TensorType ofThese) {
    types.put(role, ofThese);
    return this;
  }

  /// Sets where tensors begin: at multiples of this many bytes.
  public RandomModel alignment(int bytes) {
    return put("general.alignment", new GgufValue.Int(GgufType.UINT32, bytes));
  }

  public RandomModel seed(long value) {
    seed = value;
    return this;
  }

  /// Adds a key to the metadata, or replaces one.
  public RandomModel put(String key, GgufValue value) {
    metadata.put(key, value);
    return this;
  }

  /// Writes the model.
  ///
  /// @return the path given
  public Path write(Path path) throws IOException {
    GgufWriter writer = new GgufWriter();
    putMetadata(writer);
    RandomVocabulary.putInto(writer, vocabulary);
    metadata.forEach(writer::put);
    addTensors(writer);
    writer.write(path);
    return path;
  }

  private int headSize() {
    return headSize > 0 ? headSize : width / heads;
  }

  private void putMetadata(GgufWriter writer) {
    writer
        .putString("general.architecture", "llama")
        .putString("general.name", "random")
        .putUint32("general.quantization_version", 2)
        .putUint32("llama.block_count", layers)
        .putUint32("llama.context_length", context)
        .putUint32("llama.embedding_length", width)
        .putUint32("llama.feed_forward_length", feedForward)
        .putUint32("llama.attention.head_count", heads)
        .putUint32("llama.attention.head_count_kv", keyValueHeads)
        .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .putUint32("llama.rope.dimension_count", headSize())
        .putFloat32("llama.rope.freq_base", (float) ropeBase)
        .putUint32("llama.vocab_size", vocabulary);
    if (headSize() * heads != width) {
      writer.putUint32("llama.attention.key_length", headSize());
      writer.putUint32("llama.attention.value_length", headSize());
    }
  }

  private void addTensors(GgufWriter writer) {
    addMatrix(
        writer,
        "token_embd",
        "token_embd.weight",
        width,
        vocabulary,
        tied ? 1 / Math.sqrt(width) : 1);
    if (ropeFactors) {
      writer.addTensor("rope_freqs.weight", new long[] {headSize() / 2}, ropeFactorValues());
    }
    int queries = heads * headSize();
    int keys = keyValueHeads * headSize();
    for (int layer = 0; layer < layers; layer++) {
      addVector(writer, "blk." + layer + ".attn_norm.weight", width, 1, NORM_DEVIATION);
      addLinear(writer, layer, "attn_q", width, queries);
      addLinear(writer, layer, "attn_k", width, keys);
      addLinear(writer, layer, "attn_v", width, keys);
      addLinear(writer, layer, "attn_output", queries, width);
      addVector(writer, "blk." + layer + ".ffn_norm.weight", width, 1, NORM_DEVIATION);
      addLinear(writer, layer, "ffn_gate", width, feedForward);
      addLinear(writer, layer, "ffn_up", width, feedForward);
      addLinear(writer, layer, "ffn_down", feedForward, width);
    }
    addVector(writer, "output_norm.weight", width, 1, NORM_DEVIATION);
    if (!tied) {
      addMatrix(writer, "output", "output.weight", width, vocabulary, 1 / Math.sqrt(width));
    }
  }

  private void addLinear(GgufWriter writer, int layer, String role, int inputs, int outputs) {
    String name = "blk." + layer + "." + role;
    addMatrix(writer, role, name + ".weight", inputs, outputs, 1 / Math.sqrt(inputs));
    if (biases) {
      addVector(writer, name + ".bias", outputs, 0, BIAS_DEVIATION);
    }
  }

  private void addMatrix(
      GgufWriter writer, String role, String name, int inputs, int outputs, double deviation) {
    TensorType own = types.getOrDefault(role, type);
    RandomTensor values =
        new RandomTensor(own, inputs, outputs, 0, deviation, RandomWeights.seedOf(name, seed));
    writer.addTensor(name, own, new long[] {inputs, outputs}, values);
  }

  private void addVector(
      GgufWriter writer, String name, int length, double mean, double deviation) {
    RandomTensor values =
        new RandomTensor(
            TensorType.F32, length, 1, mean, deviation, RandomWeights.seedOf(name, seed));
    writer.addTensor(name, TensorType.F32, new long[] {length}, values);
  }

  private float[] ropeFactorValues() {
    float[] factors = new float[headSize() / 2];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (float) Math.clamp(16.0 * i / factors.length - 4, 1, 8);
    }
    return factors;
  }
}
