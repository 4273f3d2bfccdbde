package io.lorikeet.models.family;

/// SmolLM3: every fourth layer has no position embedding.
final class SmolLm3 extends Family {
  SmolLm3() {
    super("smollm3", "SmolLM3 3B", "no RoPE in every fourth layer");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    return (index + 1) % 4 == 0 ? layer.withoutRope() : layer;
  }
}
