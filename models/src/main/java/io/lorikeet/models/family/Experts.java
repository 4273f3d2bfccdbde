package io.lorikeet.models.family;

/// A mixture of experts in place of the feed-forward part (`build_moe_ffn` in llama.cpp).
///
/// @param count experts of a layer
/// @param used experts that a token goes through
/// @param width feed-forward width of an expert
/// @param sharedWidth width of the feed-forward part that every token goes through as well; 0 for
///     none
/// @param gating where the weights of the chosen experts come from
/// @param normalized whether these weights are divided by their sum
/// @param scale factor of the weights
public record Experts(
    int count,
    int used,
    int width,
    int sharedWidth,
    Gating gating,
    boolean normalized,
    float scale) {

  /// Experts whose weights have no factor.
  Experts(int count, int used, int width, int sharedWidth, Gating gating, boolean normalized) {
    this(count, used, width, sharedWidth, gating, normalized, 1);
  }

  /// Where the weights come from.
  public enum Gating {
    /// The softmax over all experts.
    SOFTMAX,
    /// The softmax over the chosen ones.
    SOFTMAX_OF_CHOSEN,
    /// The sigmoid of each one's own score.
    SIGMOID
  }

  /// The same beside a feed-forward part that every token goes through.
  Experts withShared(int shared) {
    return new Experts(count, used, width, shared, gating, normalized, scale);
  }

  /// The same with a factor of the weights.
  Experts withScale(float factor) {
    return new Experts(count, used, width, sharedWidth, gating, normalized, factor);
  }
}
