package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// Seed-OSS: biases of queries, keys and values, and heads that are wider than the hidden state's
/// share.
final class SeedOss extends Family {
  SeedOss() {
    super("seed_oss", "Seed-OSS 36B", "biases of q, k and v");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return Granite.givenAttentionScale(keys);
  }

  /// Its name says where it stands, not what it norms.
  @Override
  public String feedForwardNorm() {
    return "post_attention_norm.weight";
  }

  @Override
  public @Nullable String attentionPostNorm() {
    return null;
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("attn_norm.weight", width);
    attentionTensors(list, layer, width);
    list.frozen("post_attention_norm.weight", width);
    feedForwardTensors(list, layer, width);
  }
}
