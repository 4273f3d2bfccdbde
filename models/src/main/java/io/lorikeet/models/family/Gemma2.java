package io.lorikeet.models.family;

/// Gemma 2: Gemma 3 without norms of queries and keys; every second layer attends within a window,
/// and attention scores are capped as the logits are.
final class Gemma2 extends Gemma {
  private static final int USUAL_WINDOW = 4096;

  Gemma2() {
    super("gemma2", "Gemma 2 2B to 27B", "GELU, norms after each part, windows, capped scores");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    if (!keys.windowed(index, 2)) {
      return layer;
    }
    double base = keys.real("rope.freq_base_swa", layer.rope().orElseThrow().frequencyBase());
    int window = keys.positive("attention.sliding_window", USUAL_WINDOW);
    return layer.withWindow(window, base, RopeMetadata.frequencyScale(keys));
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return attentionScale(keys, 46);
  }

  @Override
  public Scales scales(ModelKeys keys) {
    return new Scales(
        embeddingScale(keys),
        1,
        1,
        (float) keys.real("final_logit_softcapping", 30),
        (float) keys.real("attn_logit_softcapping", 50));
  }

  /// The head is always the embedding.
  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen("output_norm.weight", width);
  }
}
