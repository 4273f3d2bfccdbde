package io.lorikeet.models.family;

import io.lorikeet.models.family.AttentionConfig.SharedKeys;
import java.util.Optional;
import java.util.stream.IntStream;

/// Layers at the end that attend to the keys and values of earlier ones (`create_memory` in
/// llama.cpp's `llama-model.cpp`). Of the layers that have keys of their own the last one serves
/// those that see everything, the one before it those with a window.
final class KeySharing {
  private KeySharing() {}

  /// How a layer takes part.
  ///
  /// @param first the first layer without keys of its own
  /// @param period of the layers with a window, see [ModelKeys#windowed]
  static Optional<SharedKeys> of(ModelKeys keys, int index, int first, int period) {
    if (index >= first) {
      return Optional.of(new SharedKeys(source(keys, index, first, period), false));
    }
    boolean lent =
        IntStream.range(first, keys.layers())
            .anyMatch(other -> source(keys, other, first, period) == index);
    return lent ? Optional.of(new SharedKeys(index, true)) : Optional.empty();
  }

  private static int source(ModelKeys keys, int index, int first, int period) {
    return first - (keys.windowed(index, period) ? 2 : 1);
  }
}
