package io.lorikeet.models.autodiff;

/// How the large products with frozen weights are computed.
public enum Precision {
  /// As llama.cpp does in forward (activations quantized where the kernels want it), BF16 in
  /// backward.
  AUTO,
  /// In F32 on the dequantized weights, forward and backward: slow, for checking gradients.
  F32
}
