package io.lorikeet.bindings;

/// A device that ggml can compute on.
///
/// @param name ggml's name in lower case, such as `cpu`, `vulkan0`, `cuda0`
/// @param description the hardware's own name
/// @param kind what sort of device it is
/// @param memoryFree bytes free when asked
/// @param memoryTotal bytes in all
public record Device(
    String name, String description, Kind kind, long memoryFree, long memoryTotal) {

  /// Whether it is Mesa's Vulkan driver that computes on the CPU, by its name: ggml doesn't tell
  /// the type that Vulkan has for a device.
  boolean isSoftwareVulkan() {
    return name.startsWith("vulkan") && description.startsWith("llvmpipe");
  }

  /// The sorts of devices, as in `enum ggml_backend_dev_type`.
  public enum Kind {
    CPU,
    GPU,
    INTEGRATED_GPU,
    ACCELERATOR,
    META
  }
}
