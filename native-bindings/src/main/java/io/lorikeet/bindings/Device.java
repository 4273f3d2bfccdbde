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

  /// Whether it is a Vulkan driver that computes on the CPU, by its own name: ggml doesn't tell
  /// what Vulkan says of that.
  boolean isSoftwareVulkan() {
    return name.startsWith("vulkan")
        && (description.startsWith("llvmpipe") || description.startsWith("SwiftShader"));
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
