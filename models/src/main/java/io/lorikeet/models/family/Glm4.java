package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import org.jspecify.annotations.Nullable;

/// GLM 4: norms after each part as well as before it, half of each head rotated, one matrix for
/// both halves of the feed-forward part.
final class Glm4 extends Family {
  Glm4() {
    super(
        "glm4",
        "GLM 4 9B and 32B (0414)",
        "norms after each part, partial RoPE, fused ffn_up, biases of q, k and v");
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    keys.requireNoSections();
    keys.requireAbsentOrZero("nextn_predict_layers", "layers that predict further tokens");
    return partialRope(keys, headSize);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    list.frozen("post_attention_norm.weight", width);
    list.frozen("post_ffw_norm.weight", width);
  }

  @Override
  void feedForwardTensors(TensorList list, LayerConfig layer, int width) {
    fusedFeedForward(list, layer, width);
  }
}
