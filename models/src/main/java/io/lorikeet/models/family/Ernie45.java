package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;

/// ERNIE 4.5's dense models: llama's layers.
final class Ernie45 extends Family {
  Ernie45() {
    super("ernie4_5", "ERNIE 4.5 0.3B", "the plain transformer");
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    keys.requireNoSections();
    return super.rope(keys, headSize);
  }
}
