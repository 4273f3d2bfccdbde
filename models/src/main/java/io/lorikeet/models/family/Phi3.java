package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;

/// Phi 3, 3.5 and 4: one matrix for queries, keys and values, one for both halves of the
/// feed-forward part, frequencies divided by short or long factors. The sliding window that some
/// files name is ignored, as llama.cpp does.
final class Phi3 extends Family {
  Phi3() {
    super(
        "phi3",
        "Phi 3.5 mini, Phi 4, Phi 4 mini",
        "fused attn_qkv and ffn_up, partial RoPE with short and long factors");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    return partialRope(keys, headSize);
  }

  @Override
  void feedForwardTensors(TensorList list, LayerConfig layer, int width) {
    fusedFeedForward(list, layer, width);
  }
}
