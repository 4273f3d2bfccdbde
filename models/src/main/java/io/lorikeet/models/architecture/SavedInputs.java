package io.lorikeet.models.architecture;

import io.lorikeet.bindings.TensorType;

/// Where, and how exactly, the layers' inputs are kept from forward for backward. In BF16 they take
/// half the room, and gradients differ by about 1e-3.
public enum SavedInputs {
  /// F32 in the device's memory: nothing is copied.
  DEVICE(true, TensorType.F32),
  /// BF16 in the device's memory.
  DEVICE_BF16(true, TensorType.BF16),
  /// F32 in the host's memory, pinned where the device has that.
  HOST(false, TensorType.F32),
  /// BF16 in the host's memory.
  HOST_BF16(false, TensorType.BF16);

  private final boolean onDevice;
  private final TensorType type;

  SavedInputs(boolean onDevice, TensorType type) {
    this.onDevice = onDevice;
    this.type = type;
  }

  boolean onDevice() {
    return onDevice;
  }

  TensorType type() {
    return type;
  }
}
