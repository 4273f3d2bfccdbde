package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// OLMo 2 and 3: norms after each part and none before, norms of all queries together and of all
/// keys; OLMo 3 attends within a window in three of four layers, with unscaled frequencies.
final class Olmo2 extends Family {
  Olmo2() {
    super("olmo2", "OLMo 2 1B to 32B, OLMo 3 7B and 32B", "norms after each part only, windows");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    int window = keys.count("attention.sliding_window");
    return window == 0 || !keys.windowed(index, 4)
        ? layer
        : layer.withWindow(window).withRope(RopeMetadata.unscaled(layer.rope().orElseThrow()));
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    attentionTensors(list, layer, width);
    list.frozen("attn_q_norm.weight", layer.queryWidth());
    list.frozen("attn_k_norm.weight", layer.keyValueWidth());
    list.frozen("post_attention_norm.weight", width);
    feedForwardTensors(list, layer, width);
    list.frozen("post_ffw_norm.weight", width);
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen("output_norm.weight", width);
    list.matrix("output", width, vocabulary);
  }
}
