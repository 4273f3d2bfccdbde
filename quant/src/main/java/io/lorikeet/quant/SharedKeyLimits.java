package io.lorikeet.quant;

import java.lang.foreign.ValueLayout;
import java.util.List;

/// llama.cpp's assertions on Gemma's layers without keys and values of their own (`create_memory`
/// in `llama-model.cpp`, `llama-kv-cache.cpp`). Of the layers that have some, the last one serves
/// those that see everything, and the one before it those with a window.
final class SharedKeyLimits {
  private final GgufMetadata metadata;
  private final int layers;
  private final String architecture;
  private final List<String> problems;

  /// @param layers number of layers
  /// @param problems takes the violated conditions
  SharedKeyLimits(GgufMetadata metadata, String architecture, int layers, List<String> problems) {
    this.metadata = metadata;
    this.architecture = architecture;
    this.layers = layers;
    this.problems = problems;
  }

  /// Adds the violated conditions to the problems.
  void check() {
    switch (architecture) {
      case "gemma4" -> {
        String key = key("attention.shared_kv_layers");
        long shared = metadata.integer(key).orElse(0);
        if (shared < 0 || layers - shared < 2) {
          problems.add(
              "%s is %s of %s layers, and two layers at least need keys and values of their own"
                  .formatted(key, shared, layers));
        } else {
          check((int) (layers - shared), 6);
        }
      }
      case "gemma3n" -> check(20, 5);
      default -> {
        // has keys and values in every layer, as far as llama.cpp goes by
      }
    }
  }

  /// @param own layers with keys and values
  /// @param period of the layers with a window, whose last one sees everything
  private void check(int own, int period) {
    for (int layer = own; layer < layers; layer++) {
      boolean windowed = windowed(layer, period);
      int source = own - (windowed ? 2 : 1);
      if (windowed(source, period) != windowed || heads(source) != heads(layer)) {
        problems.add(
            "layer %s has no keys and values of its own and attends to those of layer %s, which isn't of its kind: see %s and %s"
                .formatted(
                    layer,
                    source,
                    key("attention.sliding_window_pattern"),
                    key("attention.head_count_kv")));
        return;
      }
    }
  }

  private boolean windowed(int layer, int period) {
    String key = key("attention.sliding_window_pattern");
    if (metadata.value(key).orElse(null) instanceof GgufValue.Array array) {
      if (layer >= array.count()) {
        return false; // refused where the pattern is read
      }
      return array.elementType() == GgufType.BOOL
          ? array.encoded().get(ValueLayout.JAVA_BYTE, layer) != 0
          : metadata.requireInts(key)[layer] != 0;
    }
    long every = metadata.integer(key).orElse(period);
    return every == 0 || layer % every < every - 1;
  }

  private long heads(int layer) {
    String key = key("attention.head_count_kv");
    if (metadata.value(key).orElse(null) instanceof GgufValue.Array array) {
      return layer < array.count() ? metadata.requireInts(key)[layer] : 0;
    }
    return metadata.integer(key).orElse(0);
  }

  private String key(String name) {
    return architecture + "." + name;
  }
}
