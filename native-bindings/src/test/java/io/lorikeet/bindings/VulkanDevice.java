package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.Assumptions;

/// The Vulkan device that tests tagged `vulkan` and `vulkan-f32` compute on: Mesa's software
/// device, or the first there is.
public final class VulkanDevice {
  public static final String NAME = "vulkan0";

  private VulkanDevice() {}

  /// Ends the test as skipped where there is no Vulkan device, saying why; as failed where the
  /// environment variable `LORIKEET_REQUIRE_VULKAN` says that there must be one.
  public static void assumePresent() {
    if (Backend.devices().stream().anyMatch(device -> device.name().equals(NAME))) {
      return;
    }
    String why = "no Vulkan device: " + NativeLibrary.load();
    if (System.getenv("LORIKEET_REQUIRE_VULKAN") != null) {
      fail(why);
    }
    Assumptions.abort(why);
  }
}
