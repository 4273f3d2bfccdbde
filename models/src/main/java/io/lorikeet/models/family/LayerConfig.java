package io.lorikeet.models.family;

import io.lorikeet.bindings.Ops.RopeParameters;
import java.util.Optional;

/// The sizes of one layer and what mixes its tokens.
///
/// @param heads query heads; 0 where the layer doesn't attend
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param feedForward width of the feed-forward part (its dense one); can be 0 where it has none
/// @param window tokens that a query sees, itself included; 0 for all before it
/// @param rope rotary position embedding, where the layer has one
/// @param ropeFactors whether the base's frequency factors, where it has some, apply here
/// @param state sizes of the part that carries a state in place of attention, where the layer has
///     one
public record LayerConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    int window,
    Optional<RopeParameters> rope,
    boolean ropeFactors,
    Optional<StateConfig> state) {

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

  /// A layer that carries a state instead of attending.
  static LayerConfig carrying(StateConfig state, int feedForward) {
    return new LayerConfig(0, 0, 0, feedForward, 0, Optional.empty(), false, Optional.of(state));
  }

  /// Whether its queries attend.
  public boolean attends() {
    return heads > 0;
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
    return with(tokens, rope, ropeFactors);
  }

  LayerConfig withRope(RopeParameters other) {
    return with(window, Optional.of(other), ropeFactors);
  }

  LayerConfig withoutRope() {
    return with(window, Optional.empty(), ropeFactors);
  }

  LayerConfig withoutRopeFactors() {
    return with(window, rope, false);
  }

  private LayerConfig with(int tokens, Optional<RopeParameters> other, boolean factors) {
    return new LayerConfig(
        heads, keyValueHeads, headSize, feedForward, tokens, other, factors, state);
  }
}
