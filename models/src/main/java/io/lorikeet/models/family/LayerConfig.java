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
/// @param ropeFactors whether the frequency factors, where there are some, apply here
/// @param state sizes of the part that carries a state in place of attention or beside it, where
///     the layer has one
/// @param sharedKeys the keys and values that several layers attend to, where it is one of them
/// @param tokenInputs elements of the embedding that each token has for this layer, or 0
/// @param sparsity deviations above their mean under which gates of the feed-forward part are 0; 0
///     for no such limit
public record LayerConfig(
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    int window,
    Optional<RopeParameters> rope,
    boolean ropeFactors,
    Optional<StateConfig> state,
    Optional<SharedKeys> sharedKeys,
    int tokenInputs,
    float sparsity) {

  /// Keys and values that several layers attend to.
  ///
  /// @param source the layer that computes them
  /// @param lent whether this is that layer; the others have no keys and values of their own
  public record SharedKeys(int source, boolean lent) {}

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
        Optional.empty(),
        Optional.empty(),
        0,
        0);
  }

  /// Whether this layer attends to the keys and values of another.
  public boolean borrowsKeys() {
    return sharedKeys.isPresent() && !sharedKeys.get().lent();
  }

  /// A layer that carries a state instead of attending.
  static LayerConfig carrying(StateConfig state, int feedForward) {
    return new LayerConfig(
        0,
        0,
        0,
        feedForward,
        0,
        Optional.empty(),
        false,
        Optional.of(state),
        Optional.empty(),
        0,
        0);
  }

  /// A layer of a single head that attends without rotating.
  static LayerConfig attending(int feedForward) {
    return attending(1, 1, 1).with(feedForward);
  }

  /// A layer that attends without rotating and does nothing else.
  static LayerConfig attending(int heads, int keyValueHeads, int headSize) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        0,
        0,
        Optional.empty(),
        false,
        Optional.empty(),
        Optional.empty(),
        0,
        0);
  }

  /// A layer with nothing but a feed-forward part.
  static LayerConfig feedingForward(int width) {
    return new LayerConfig(
        0, 0, 0, width, 0, Optional.empty(), false, Optional.empty(), Optional.empty(), 0, 0);
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

  LayerConfig withSharedKeys(SharedKeys keys) {
    return with(Optional.of(keys), tokenInputs);
  }

  /// The same with a part that carries a state beside attention.
  LayerConfig withState(StateConfig sizes) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        feedForward,
        window,
        rope,
        ropeFactors,
        Optional.of(sizes),
        sharedKeys,
        tokenInputs,
        sparsity);
  }

  LayerConfig withSparsity(float deviations) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        feedForward,
        window,
        rope,
        ropeFactors,
        state,
        sharedKeys,
        tokenInputs,
        deviations);
  }

  private LayerConfig with(int width) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        width,
        window,
        rope,
        ropeFactors,
        state,
        sharedKeys,
        tokenInputs,
        sparsity);
  }

  LayerConfig withTokenInputs(int elements) {
    return with(sharedKeys, elements);
  }

  private LayerConfig with(int tokens, Optional<RopeParameters> other, boolean factors) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        feedForward,
        tokens,
        other,
        factors,
        state,
        sharedKeys,
        tokenInputs,
        sparsity);
  }

  private LayerConfig with(Optional<SharedKeys> keys, int inputs) {
    return new LayerConfig(
        heads,
        keyValueHeads,
        headSize,
        feedForward,
        window,
        rope,
        ropeFactors,
        state,
        keys,
        inputs,
        sparsity);
  }
}
