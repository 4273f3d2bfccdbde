package io.lorikeet.models.family;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// Checked access to a base's metadata by the keys of its architecture (`llama-arch.cpp`), named
/// without the architecture in front.
public final class ModelKeys {
  private static final long LIMIT = 1 << 28;

  private final GgufMetadata metadata;
  private final String architecture;

  public ModelKeys(GgufMetadata metadata) {
    this.metadata = metadata;
    architecture = metadata.requireString("general.architecture");
  }

  /// The metadata's source, for messages.
  public String source() {
    return metadata.source();
  }

  public int layers() {
    return positive("block_count");
  }

  /// Length of a hidden state.
  public int embedding() {
    return positive("embedding_length");
  }

  /// Tokens the base was trained to see.
  public int context() {
    return positive("context_length");
  }

  public int heads(int layer) {
    return ofLayer("attention.head_count", layer, 0);
  }

  public int keyValueHeads(int layer) {
    return ofLayer("attention.head_count_kv", layer, heads(layer));
  }

  /// Whether a layer has heads of keys: an array may say that it has none.
  boolean attends(int layer) {
    String key = "attention.head_count_kv";
    return !(metadata.value(full(key)).orElse(null) instanceof GgufValue.Array)
        || flagOfLayer(key, layer);
  }

  /// Elements of a head; keys and values have as many.
  public int headSize() {
    int size = positive("attention.key_length", Math.max(1, embedding() / heads(0)));
    requireEqual("attention.value_length", size, "as for the keys");
    return size;
  }

  public float rmsEpsilon() {
    return (float) requireReal("attention.layer_norm_rms_epsilon");
  }

  int positive(String key) {
    return checked(key, metadata.requireInteger(full(key)));
  }

  int positive(String key, int otherwise) {
    return checked(key, metadata.integer(full(key)).orElse(otherwise));
  }

  /// A count that may be missing or 0.
  int count(String key) {
    long value = metadata.integer(full(key)).orElse(0);
    return value == 0 ? 0 : checked(key, value);
  }

  /// A key that holds one number for all layers, or an array with one for each.
  ///
  /// @param otherwise the value where the key is missing; 0 where it must be there
  int ofLayer(String key, int layer, int otherwise) {
    if (metadata.value(full(key)).orElse(null) instanceof GgufValue.Array) {
      int[] values = metadata.requireInts(full(key));
      if (layer >= values.length) {
        throw new InvalidInputException(
            "%s: %s has %s elements, fewer than there are layers"
                .formatted(source(), full(key), values.length));
      }
      return checked(key, values[layer]);
    }
    return otherwise == 0 ? positive(key) : positive(key, otherwise);
  }

  /// As [#ofLayer], of a number that can be 0.
  int countOfLayer(String key, int layer) {
    boolean none =
        metadata.value(full(key)).orElse(null) instanceof GgufValue.Array
            ? !flagOfLayer(key, layer)
            : count(key) == 0;
    return none ? 0 : ofLayer(key, layer, 0);
  }

  private int checked(String key, long value) {
    if (value < 1 || value > LIMIT) {
      throw new InvalidInputException(
          "%s: %s is %s, which can't be".formatted(source(), full(key), value));
    }
    return (int) value;
  }

  int[] requireInts(String key) {
    return metadata.requireInts(full(key));
  }

  double requireReal(String key) {
    return metadata.requireReal(full(key));
  }

  double real(String key, double otherwise) {
    return metadata.real(full(key)).orElse(otherwise);
  }

  String string(String key, String otherwise) {
    return metadata.string(full(key)).orElse(otherwise);
  }

  boolean flag(String key, boolean otherwise) {
    return metadata.bool(full(key)).orElse(otherwise);
  }

  /// Whether a layer attends within a sliding window (`load_swa_pattern` in llama.cpp): the
  /// metadata says so for each layer, or gives the period whose last layer sees everything.
  boolean windowed(int layer, int period) {
    String key = "attention.sliding_window_pattern";
    if (metadata.value(full(key)).orElse(null) instanceof GgufValue.Array) {
      return flagOfLayer(key, layer);
    }
    int every = (int) metadata.integer(full(key)).orElse(period);
    return every == 0 || layer % every < every - 1;
  }

  /// Whether a layer carries a state instead of attending: the metadata says so for each layer, or
  /// gives the period whose last layer attends.
  boolean recurrent(int layer, int period) {
    String key = "attention.recurrent_layers";
    if (metadata.value(full(key)).isPresent()) {
      return flagOfLayer(key, layer);
    }
    return (layer + 1) % positive("full_attention_interval", period) != 0;
  }

  /// An array of flags or numbers, one for each layer.
  private boolean flagOfLayer(String key, int layer) {
    if (!(metadata.value(full(key)).orElse(null) instanceof GgufValue.Array array)
        || layer >= array.count()) {
      throw new InvalidInputException(
          "%s: %s has fewer elements than there are layers".formatted(source(), full(key)));
    }
    return array.elementType() == GgufType.BOOL
        ? array.encoded().get(ValueLayout.JAVA_BYTE, layer) != 0
        : metadata.requireInts(full(key))[layer] != 0;
  }

  void requireAbsentOrZero(String key, String what) {
    if (metadata.integer(full(key)).orElse(0) != 0) {
      throw new InvalidInputException(
          "%s: %s (%s) aren't supported for %s".formatted(source(), what, full(key), architecture));
    }
  }

  /// That positions have a single dimension (`use_mrope` in llama.cpp).
  void requireNoSections() {
    int[] sections = metadata.ints(full("rope.dimension_sections")).orElse(new int[0]);
    if (Arrays.stream(sections).anyMatch(section -> section > 0)) {
      throw new InvalidInputException(
          "%s: rotating by sections (%s), as models of images do, isn't supported"
              .formatted(source(), full("rope.dimension_sections")));
    }
  }

  void requireEqual(String key, int expected, String why) {
    long value = metadata.integer(full(key)).orElse(expected);
    if (value != expected) {
      throw new InvalidInputException(
          "%s: %s is %s; only %s is supported, %s"
              .formatted(source(), full(key), value, expected, why));
    }
  }

  /// A key with the architecture in front.
  String full(String key) {
    return architecture + "." + key;
  }
}
