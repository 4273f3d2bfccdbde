package io.lorikeet.bindings;

/// A device that ggml can compute on.
///
/// @param name ggml's name in lower case, such as `cpu`, `vulkan0`, `cuda0`
/// @param description the hardware's own name
/// @param kind its kind
/// @param memoryFree bytes free when asked
/// @param memoryTotal bytes in all
public record Device(
    String name, String description, DeviceKind kind, long memoryFree, long memoryTotal) {

  private static final int NO_CHOICE = 3;

  /// Whether it is Mesa's Vulkan driver that computes on the CPU, by its name: ggml doesn't tell
  /// the type that Vulkan has for a device.
  boolean isSoftwareVulkan() {
    return name.startsWith("vulkan") && description.startsWith("llvmpipe");
  }

  /// The sorts of devices, as in `enum ggml_backend_dev_type`.
  public enum DeviceKind {
    CPU(2),
    GPU(0),
    INTEGRATED_GPU(1),
    ACCELERATOR(NO_CHOICE),
    META(NO_CHOICE);

    private final int preference;

    DeviceKind(int preference) {
      this.preference = preference;
    }

    /// Lower for those that compute faster.
    int preference() {
      return preference;
    }

    /// Whether `auto` may choose it.
    boolean isChosen() {
      return preference < NO_CHOICE;
    }
  }
}
