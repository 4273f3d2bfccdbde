package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import java.util.Optional;

/// The sizes of a layer's attention.
///
/// @param heads query heads; 0 where the layer doesn't attend
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param window tokens that a query sees, itself included; 0 for all before it
/// @param rope rotary position embedding, where the layer has one
/// @param ropeFactors whether the frequency factors, where there are some, apply here
/// @param sharedKeys the keys and values that several layers attend to, where it is one of them
public record AttentionConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int window,
    Optional<RopeParameters> rope,
    boolean ropeFactors,
    Optional<SharedKeys> sharedKeys) {

  /// Of a layer that doesn't attend.
  static final AttentionConfig NONE = of(0, 0, 0);

  /// Keys and values that several layers attend to.
  ///
  /// @param source the layer that computes them
  /// @param lent whether this is that layer; the others have no keys and values of their own
  public record SharedKeys(int source, boolean lent) {}

  /// Attention to all tokens before, without rotating.
  static AttentionConfig of(int heads, int keyValueHeads, int headSize) {
    return new AttentionConfig(
        heads, keyValueHeads, headSize, 0, Optional.empty(), false, Optional.empty());
  }

  AttentionConfig withHeadSize(int size) {
    return new AttentionConfig(heads, keyValueHeads, size, window, rope, ropeFactors, sharedKeys);
  }

  AttentionConfig withWindow(int tokens) {
    return new AttentionConfig(
        heads, keyValueHeads, headSize, tokens, rope, ropeFactors, sharedKeys);
  }

  AttentionConfig withRope(Optional<RopeParameters> other, boolean factors) {
    return new AttentionConfig(heads, keyValueHeads, headSize, window, other, factors, sharedKeys);
  }

  AttentionConfig withSharedKeys(SharedKeys keys) {
    return new AttentionConfig(
        heads, keyValueHeads, headSize, window, rope, ropeFactors, Optional.of(keys));
  }
}
