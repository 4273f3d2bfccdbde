package io.lorikeet.models.autodiff;

/// How the large products with frozen weights are computed.
public enum Precision {
  /// As llama.cpp does in forward (activations quantized where the kernels want it), BF16 in
  /// backward.
  AUTO,
  /// On the dequantized weights, forward and backward, in F32 or, where the device would round that
  /// to F16, in BF16: slow, for checking gradients.
  F32
}
