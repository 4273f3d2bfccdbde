package io.lorikeet.quant;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/// ggml's assertions on the sizes of attention: key-value heads divide the heads, and the number of
/// rotated elements is even and at most a head's size.
final class AttentionLimits {
  private static final long MOST_HEADS = 1 << 16;
  private static final long MOST_HEAD_SIZE = 1 << 16;
  private static final long MOST_TOKENS = 1 << 28;

  private final GgufMetadata metadata;
  private final String architecture;
  private final int layers;
  private final long width;
  private final List<String> problems;

  /// @param layers number of layers
  /// @param width length of a hidden state
  /// @param problems takes the violated conditions
  AttentionLimits(
      GgufMetadata metadata, String architecture, int layers, long width, List<String> problems) {
    this.metadata = metadata;
    this.architecture = architecture;
    this.layers = layers;
    this.width = width;
    this.problems = problems;
  }

  /// Adds the violated conditions to the problems.
  void check() {
    between("rope.scaling.original_context_length", 1, MOST_TOKENS);
    between("attention.temperature_length", 1, MOST_TOKENS);
    long[] heads = perLayer("attention.head_count", new long[layers]);
    long[] keyValueHeads = perLayer("attention.head_count_kv", heads);
    for (int layer = 0; layer < layers; layer++) {
      if (keyValueHeads[layer] > 0 && heads[layer] % keyValueHeads[layer] != 0) {
        problems.add(
            "%s is %s, which the %s of %s don't divide"
                .formatted(
                    key("attention.head_count"),
                    heads[layer],
                    keyValueHeads[layer],
                    key("attention.head_count_kv")));
        break;
      }
    }
    if (layers > 0 && heads[0] > 0) { // models without attention have no heads
      long size = checkHead("", width / heads[0], OptionalLong.empty());
      long rotated = number("rope.dimension_count").orElse(size);
      checkHead("_swa", size, OptionalLong.of(rotated));
    }
  }

  /// @param suffix of the keys: layers with a sliding window have their own
  /// @param usual elements of a head where the metadata doesn't say
  /// @param rotated how many of them are rotated where the metadata doesn't say; all if empty
  /// @return elements of a head
  private long checkHead(String suffix, long usual, OptionalLong rotated) {
    String keyLength = "attention.key_length" + suffix;
    String dimensions = "rope.dimension_count" + suffix;
    between(keyLength, 1, MOST_HEAD_SIZE);
    between("attention.value_length" + suffix, 1, MOST_HEAD_SIZE);
    long size = number(keyLength).orElse(usual);
    long turned = number(dimensions).orElse(rotated.orElse(size));
    boolean own =
        suffix.isEmpty() || number(keyLength).isPresent() || number(dimensions).isPresent();
    if (own && (turned < 0 || turned > size || turned % 2 != 0 || size < 1)) {
      problems.add(
          "%s is %s, and should be an even number of at most %s, the size of a head (%s, or %s by %s)"
              .formatted(
                  key(dimensions),
                  turned,
                  size,
                  key(keyLength),
                  key("embedding_length"),
                  key("attention.head_count")));
    }
    return size;
  }

  /// One number for each layer, of a key that holds one for all or an array.
  private long[] perLayer(String name, long[] otherwise) {
    long[] values = otherwise.clone();
    if (metadata.value(key(name)).orElse(null) instanceof GgufValue.Array) {
      int[] given = metadata.requireInts(key(name));
      if (given.length < layers) {
        problems.add("%s has %s elements for %s layers".formatted(key(name), given.length, layers));
      }
      for (int i = 0; i < Math.min(layers, given.length); i++) {
        values[i] = given[i];
      }
    } else {
      metadata.integer(key(name)).ifPresent(value -> Arrays.fill(values, value));
    }
    for (int i = 0; i < layers; i++) {
      if (values[i] < 0 || values[i] > MOST_HEADS) {
        problems.add(
            "%s is %s, and should be between 0 and %s".formatted(key(name), values[i], MOST_HEADS));
        values[i] = 0;
        break;
      }
    }
    return values;
  }

  private void between(String name, long least, long most) {
    number(name)
        .ifPresent(
            value -> {
              if (value < least || value > most) {
                problems.add(
                    "%s is %s, and should be between %s and %s"
                        .formatted(key(name), value, least, most));
              }
            });
  }

  private OptionalLong number(String name) {
    return metadata.integer(key(name));
  }

  private String key(String name) {
    return architecture + "." + name;
  }
}
