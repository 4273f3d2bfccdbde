package io.lorikeet.bindings;

/// In which numbers a CPU multiplies the large matrices of training, and by what. Results differ by
/// rounding.
public enum ProductFormat {
  /// By ggml, each type of weight in its own way.
  GGML,
  /// By oneDNN in F32.
  F32,
  /// By oneDNN in F32, but weights in BF16 are taken as they are.
  F32_AND_BF16,
  /// By oneDNN in BF16.
  BF16
}
