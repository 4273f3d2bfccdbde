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
    double base = keys.real("rope.freq_base_swa", 10000);
    return layer
        .withWindow(window)
        .withRope(RopeMetadata.ofWindow(layer.rope().orElseThrow(), base, 1));
  }

  @Override
  int layersOfLargest() {
    return 62;
  }

  @Override
  public Scales scales(ModelKeys keys) {
    float cap = (float) keys.real("final_logit_softcapping", 0);
    return new Scales(embeddingScale(keys), 1, 1, cap, 0);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    headNorms(list, layer);
  }
}
