package io.lorikeet.train.settings;

/// The parts of a layer that backward computes again instead of keeping them from forward. The
/// gradients are the same, on the CPU to the last bit.
public enum Recompute {
  /// As little as memory allows.
  AUTO,
  /// All of a layer, from the layer's input: gradient checkpointing.
  ALL,
  /// No attention and no projections; a run that doesn't fit is refused.
  NONE
}
