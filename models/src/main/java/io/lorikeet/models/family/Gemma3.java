package io.lorikeet.models.family;

/// Gemma 3: norms of queries and keys; five of six layers attend within a window, with frequencies
/// of their own.
final class Gemma3 extends Gemma {
  Gemma3() {
    super(
        "gemma3",
        "Gemma 3 270M to 27B (text)",
        "GELU, norms after each part and of queries and keys, windows");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    int window = keys.count("attention.sliding_window");
    if (window == 0 || !keys.windowed(index, 6)) {
      return layer;
    }
    return layer.withWindow(window, keys.real("rope.freq_base_swa", 10000), 1);
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return attentionScale(keys, 62);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    headNorms(list, layer);
  }
}
