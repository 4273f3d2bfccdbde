package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;
import java.util.Optional;

/// The sizes of one layer and what mixes its tokens.
///
/// @param heads query heads
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param feedForward width of the feed-forward part (its dense one)
/// @param window tokens that a query sees, itself included; 0 for all before it
/// @param rope rotary position embedding, where the layer has one
/// @param ropeFactors whether the base's frequency factors, where it has some, apply here
/// @param deltaNet the delta net in place of attention, where the layer has one
public record LayerConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    int window,
    Optional<RopeParameters> rope,
    boolean ropeFactors,
    Optional<DeltaNetConfig> deltaNet) {

  /// A layer that attends and rotates.
  LayerConfig(
      int heads,
      int keyValueHeads,
      int headSize,
      int feedForward,
      int window,
      RopeParameters rope,
      boolean ropeFactors) {
    this(
        heads,
        keyValueHeads,
        headSize,
        feedForward,
        window,
        Optional.of(rope),
        ropeFactors,
        Optional.empty());
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
    return with(window, Optional.of(other), ropeFactors, deltaNet);
  }

  LayerConfig withoutRope() {
    return with(window, Optional.empty(), ropeFactors, deltaNet);
  }

  LayerConfig withoutRopeFactors() {
    return with(window, rope, false, deltaNet);
  }

  LayerConfig withDeltaNet(DeltaNetConfig net) {
    return with(window, rope, ropeFactors, Optional.of(net));
  }

  private LayerConfig with(
      int tokens, Optional<RopeParameters> other, boolean factors, Optional<DeltaNetConfig> net) {
    return new LayerConfig(
        heads, keyValueHeads, headSize, feedForward, tokens, other, factors, net);
  }
}
