package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// The common traits of Gemma 2 to 4: scaled embeddings, GELU, and a norm after each part as well
/// as before it.
abstract sealed class Gemma extends Family permits Gemma2, Gemma3, Gemma3n, Gemma4 {
  Gemma(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  /// The scale of Gemma 2 and 3, by the size of a head; of the largest model by the width's share
  /// of a head.
  static float attentionScale(ModelKeys keys, int layersOfLargest) {
    return keys.layers() == layersOfLargest
        ? inverseRoot(keys.embedding() / keys.heads(0))
        : inverseRoot(keys.headSize());
  }

  static float embeddingScale(ModelKeys keys) {
    return (float) Math.sqrt(keys.embedding());
  }

  @Override
  public Scales scales(ModelKeys keys) {
    float cap = (float) keys.real("final_logit_softcapping", 0);
    return new Scales(embeddingScale(keys), 1, 1, cap, 0);
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
