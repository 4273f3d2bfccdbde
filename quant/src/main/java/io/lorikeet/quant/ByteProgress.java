package io.lorikeet.quant;

/// Told how far a long copy has come.
@FunctionalInterface
public interface ByteProgress {

  /// @param done bytes that are in place
  /// @param total bytes in all
  void at(long done, long total);
}
