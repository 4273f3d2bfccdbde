package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;

/// The sizes of one layer and what mixes its tokens.
///
/// @param heads query heads
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param feedForward width of the feed-forward part (its dense one)
/// @param window tokens that a query sees, itself included; 0 for all before it
/// @param rope rotary position embedding, or null for none
/// @param ropeFactors whether the base's frequency factors, where it has some, apply here
/// @param deltaNet the delta net in place of attention, or null for attention
public record LayerConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    int window,
    RopeParameters rope,
    boolean ropeFactors,
    DeltaNetConfig deltaNet) {

  /// A layer that attends.
  LayerConfig(
      int heads,
      int keyValueHeads,
      int headSize,
      int feedForward,
      int window,
      RopeParameters rope,
      boolean ropeFactors) {
    this(heads, keyValueHeads, headSize, feedForward, window, rope, ropeFactors, null);
  }

  /// Elements of all query heads.
  public int queryWidth() {
    return heads * headSize;
  }

  /// Elements of all key heads, or value heads.
  public int keyValueWidth() {
    return keyValueHeads * headSize;
  }

  LayerConfig withWindow(int tokens) {
    return with(tokens, rope, ropeFactors, deltaNet);
  }

  LayerConfig withRope(RopeParameters other) {
    return with(window, other, ropeFactors, deltaNet);
  }

  LayerConfig withoutRopeFactors() {
    return with(window, rope, false, deltaNet);
  }

  LayerConfig withDeltaNet(DeltaNetConfig net) {
    return with(window, rope, ropeFactors, net);
  }

  private LayerConfig with(int tokens, RopeParameters other, boolean factors, DeltaNetConfig net) {
    return new LayerConfig(
        heads, keyValueHeads, headSize, feedForward, tokens, other, factors, net);
  }
}
