package io.lorikeet.train.settings;

/// Where the optimizer keeps its two moments, 8 bytes for each trained parameter.
public enum OptimizerState {
  /// In the memory of the device that computes.
  DEVICE,
  /// In the host's memory; the CPU updates the parameters.
  HOST,
  /// In a mapped file in the run's folder, which the system pages in and out as memory allows; the
  /// CPU updates the parameters.
  MAPPED
}
