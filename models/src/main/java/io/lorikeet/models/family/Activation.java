package io.lorikeet.models.family;

/// The function that joins the gate and the other half of a feed-forward part (`build_ffn` in
/// llama.cpp).
public enum Activation {
  /// silu(gate) · up.
  SILU,
  /// gelu(gate) · up, with the tanh approximation of GELU.
  GELU,
  /// gpt-oss's: silu with a steepness of 1.702 of the gate, times up + 1, both clamped at 7.
  CLAMPED_SILU,
  /// relu(up)², without a gate.
  SQUARED_RELU
}
