package io.lorikeet.train;

/// Type of the numbers in the file of a trained adapter. Training itself is in F32.
public enum AdapterType {
  /// As they were trained.
  F32,
  /// Half the size, up to 65504.
  F16,
  /// Half the size, 8 bits of precision.
  BF16,
  /// About a quarter of the size.
  Q8_0
}
