package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// Falcon-H1. In every layer attention and a state space (Mamba-2) stand side by side: both read
/// the same norm, and what they give is added to the hidden states together. The state space has a
/// norm of its own result in some models only.
///
/// The many factors of Hugging Face's configuration are folded into the weights by llama.cpp's
/// converter, and into the embedding and the head.
final class FalconH1 extends Family {
  FalconH1() {
    super(
        "falcon-h1",
        "Falcon-H1 0.5B to 34B",
        "attention and a state space (Mamba-2) side by side in every layer");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    return super.layer(keys, index).withState(Mamba2Config.of(keys));
  }

  /// As llama.cpp has it, without `.weight`.
  @Override
  public String feedForwardNorm() {
    return "ffn_norm";
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    list.optionalVector("ffn_gate.bias", layer.feedForward());
    list.optionalVector("ffn_up.bias", layer.feedForward());
    list.optionalVector("ffn_down.bias", width);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    super.attentionTensors(list, layer, width);
    if (layer.state().orElse(null) instanceof Mamba2Config space) {
      space.tensorsButNorm(list, width);
      list.optionalFrozen("ssm_norm.weight", space.width() / space.groups(), space.groups());
    }
  }
}
