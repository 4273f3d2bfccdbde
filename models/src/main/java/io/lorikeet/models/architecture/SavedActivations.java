package io.lorikeet.models.architecture;

/// Results of a layer's forward pass that are kept for backward, besides the layer's input. All
/// else is computed again from that.
public enum SavedActivations {
  /// None.
  NONE,
  /// Results of attention, as wide as the queries.
  ATTENTION,
  /// Results of attention and of projections, but for experts' and those that only add to the
  /// hidden state at the layer's end.
  PROJECTIONS
}
