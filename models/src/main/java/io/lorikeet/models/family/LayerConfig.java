package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.models.family.AttentionConfig.SharedKeys;
import java.util.Optional;

/// The sizes of one layer and what mixes its tokens.
///
/// @param attention sizes of its attention
/// @param feedForward width of the feed-forward part (its dense one); can be 0 where it has none
/// @param sparsity deviations above their mean under which gates of the feed-forward part are 0; 0
///     for no such limit
/// @param state sizes of the part that carries a state in place of attention or beside it, where
///     the layer has one
/// @param tokenInputs elements of the embedding that each token has for this layer, or 0
public record LayerConfig(
    AttentionConfig attention,
    int feedForward,
    float sparsity,
    Optional<StateConfig> state,
    int tokenInputs) {

  /// A layer with a feed-forward part and with or without attention.
  LayerConfig(AttentionConfig attention, int feedForward) {
    this(attention, feedForward, 0, Optional.empty(), 0);
  }

  /// A layer that carries a state instead of attending.
  static LayerConfig carrying(StateConfig state, int feedForward) {
    return new LayerConfig(AttentionConfig.NONE, feedForward).withState(state);
  }

  /// Whether its queries attend.
  public boolean attends() {
    return heads() > 0;
  }

  /// Query heads; 0 where the layer doesn't attend.
  public int heads() {
    return attention.heads();
  }

  /// Key and value heads.
  public int keyValueHeads() {
    return attention.keyValueHeads();
  }

  /// Elements of a head.
  public int headSize() {
    return attention.headSize();
  }

  /// Elements of all query heads.
  public int queryWidth() {
    return heads() * headSize();
  }

  /// Elements of all key heads, or value heads.
  public int keyValueWidth() {
    return keyValueHeads() * headSize();
  }

  /// Tokens that a query sees, itself included; 0 for all before it.
  public int window() {
    return attention.window();
  }

  /// Rotary position embedding, where the layer has one.
  public Optional<RopeParameters> rope() {
    return attention.rope();
  }

  /// Whether the frequency factors, where there are some, apply here.
  public boolean ropeFactors() {
    return attention.ropeFactors();
  }

  /// The keys and values that several layers attend to, where it is one of them.
  public Optional<SharedKeys> sharedKeys() {
    return attention.sharedKeys();
  }

  /// Whether this layer attends to the keys and values of another.
  public boolean borrowsKeys() {
    return sharedKeys().isPresent() && !sharedKeys().get().lent();
  }

  LayerConfig withAttention(AttentionConfig other) {
    return new LayerConfig(other, feedForward, sparsity, state, tokenInputs);
  }

  LayerConfig withWindow(int tokens) {
    return withAttention(attention.withWindow(tokens));
  }

  /// The same within a window, with frequencies of its own there.
  LayerConfig withWindow(int tokens, double frequencyBase, float frequencyScale) {
    return withWindow(tokens)
        .withRope(RopeMetadata.ofWindow(rope().orElseThrow(), frequencyBase, frequencyScale));
  }

  LayerConfig withRope(RopeParameters other) {
    return withAttention(attention.withRope(Optional.of(other), ropeFactors()));
  }

  LayerConfig withoutRope() {
    return withAttention(attention.withRope(Optional.empty(), ropeFactors()));
  }

  LayerConfig withoutRopeFactors() {
    return withAttention(attention.withRope(rope(), false));
  }

  LayerConfig withSharedKeys(SharedKeys keys) {
    return withAttention(attention.withSharedKeys(keys));
  }

  LayerConfig withSparsity(float deviations) {
    return new LayerConfig(attention, feedForward, deviations, state, tokenInputs);
  }

  /// The same with a part that carries a state in place of attention or beside it.
  LayerConfig withState(StateConfig sizes) {
    return new LayerConfig(attention, feedForward, sparsity, Optional.of(sizes), tokenInputs);
  }

  LayerConfig withTokenInputs(int elements) {
    return new LayerConfig(attention, feedForward, sparsity, state, elements);
  }
}
