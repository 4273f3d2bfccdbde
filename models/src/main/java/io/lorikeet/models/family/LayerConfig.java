package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;

/// The sizes and the attention of one layer.
///
/// @param heads query heads
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param feedForward width of the feed-forward part (its dense one)
/// @param window tokens that a query sees, itself included; 0 for all before it
/// @param rope rotary position embedding, or null for none
/// @param ropeFactors whether the base's frequency factors, where it has some, apply here
public record LayerConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    int window,
    RopeParameters rope,
    boolean ropeFactors) {

  /// Elements of all query heads.
  public int queryWidth() {
    return heads * headSize;
  }

  /// Elements of all key heads, or value heads.
  public int keyValueWidth() {
    return keyValueHeads * headSize;
  }

  LayerConfig withWindow(int tokens) {
    return new LayerConfig(heads, keyValueHeads, headSize, feedForward, tokens, rope, ropeFactors);
  }

  LayerConfig withRope(RopeParameters other) {
    return new LayerConfig(heads, keyValueHeads, headSize, feedForward, window, other, ropeFactors);
  }

  LayerConfig withoutRopeFactors() {
    return new LayerConfig(heads, keyValueHeads, headSize, feedForward, window, rope, false);
  }
}
