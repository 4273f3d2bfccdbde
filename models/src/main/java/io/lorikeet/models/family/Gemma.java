package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// The common traits of Gemma 2 and 3: scaled embeddings, GELU, and a norm after each part as well
/// as before it.
abstract sealed class Gemma extends Family permits Gemma2, Gemma3 {
  Gemma(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  /// Layers of the 27B, which alone scales by the width's share of a head and not by the head.
  abstract int layersOfLargest();

  @Override
  public float attentionScale(ModelKeys keys) {
    return keys.layers() == layersOfLargest()
        ? inverseRoot(keys.embedding() / keys.heads(0))
        : inverseRoot(keys.headSize());
  }

  static float embeddingScale(ModelKeys keys) {
    return (float) Math.sqrt(keys.embedding());
  }

  @Override
  public Activation activation() {
    return Activation.GELU;
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    list.frozen("post_attention_norm.weight", width);
    list.frozen("post_ffw_norm.weight", width);
  }
}
