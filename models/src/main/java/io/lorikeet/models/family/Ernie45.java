package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;

/// ERNIE 4.5's dense models: llama's layers.
sealed class Ernie45 extends Family permits Ernie45Moe {
  Ernie45() {
    this("ernie4_5", "ERNIE 4.5 0.3B", "the plain transformer");
  }

  Ernie45(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    keys.requireNoSections();
    return super.rope(keys, headSize);
  }
}
