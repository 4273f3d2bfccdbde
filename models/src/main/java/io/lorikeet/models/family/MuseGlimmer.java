package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// Muse Glimmer (text). The token embeddings are normed, without a gain. Each part of a layer has a
/// norm before it and one after it, of another epsilon. Queries and keys are normed, and what
/// attention gives is multiplied by the sigmoid of a gate, `attn_gate`, before `attn_output`. Three
/// of four layers attend within a window and are rotated; the others see everything and aren't.
/// The part for images is a file of its own and stays as it is.
final class MuseGlimmer extends Family {
  private static final int PERIOD = 4;

  MuseGlimmer() {
    super(
        "muse-glimmer",
        "Muse Glimmer 30B (text)",
        "normed embeddings, norms after each part and of queries and keys, gated attention,"
            + " windows");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    if (!keys.windowed(index, PERIOD)) {
      return layer.withoutRope();
    }
    double base = keys.real("rope.freq_base_swa", keys.real("rope.freq_base", 10000));
    return layer.withWindow(keys.positive("attention.sliding_window"), base, 1);
  }

  @Override
  public Scales scales(ModelKeys keys) {
    float cap = (float) keys.real("final_logit_softcapping", 0);
    return new Scales(1, 1, (float) keys.requireReal("logit_scale"), cap, 0);
  }

  @Override
  public boolean normsEmbedding() {
    return true;
  }

  @Override
  public float epsilonAfter(float usual) {
    return 1e-8f;
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    list.frozen("post_attention_norm.weight", width);
    list.frozen("post_ffw_norm.weight", width);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    headNorms(list, layer);
    list.matrix("attn_gate", width, layer.queryWidth());
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen(outputNorm(), width);
    list.matrix("output", width, vocabulary);
  }
}
