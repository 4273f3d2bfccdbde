package io.lorikeet.models.family;

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
    return POST_ATTENTION;
  }
}
