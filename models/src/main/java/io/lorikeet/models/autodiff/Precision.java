package io.lorikeet.models.autodiff;

/// How the large products with frozen weights are computed.
public enum Precision {
  /// The fastest way to the device's float formats: weights in BF16, sums in F32.
  AUTO,
  /// As llama.cpp does in forward (activations quantized where the kernels want it), BF16 in
  /// backward: what an adapter's file is verified with.
  LLAMA,
  /// On the dequantized weights, forward and backward, in F32 or, where the device would round that
  /// to F16, in BF16: slow, for checking gradients.
  F32
}
