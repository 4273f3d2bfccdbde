package io.lorikeet.models.family;

/// Constant factors and caps; 1 and 0 are none.
///
/// @param embedding factor of the token embeddings
/// @param residual factor of what attention and the feed-forward part add to the hidden state
/// @param logits factor of the logits
/// @param logitCap logits are cap · tanh(logit / cap); 0 for none
/// @param scoreCap the same for attention scores
public record Scales(
    float embedding, float residual, float logits, float logitCap, float scoreCap) {
  /// No scaling at all.
  public static final Scales NONE = new Scales(1, 1, 1, 0, 0);
}
