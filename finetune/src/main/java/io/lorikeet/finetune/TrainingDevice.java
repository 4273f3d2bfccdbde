package io.lorikeet.finetune;

import io.lorikeet.bindings.Backend;
import java.util.List;

/// A device that can train.
///
/// @param name as the setting `device` takes it: `cpu`, `vulkan0`, `cuda0`
/// @param description the hardware's own name
/// @param memoryFree bytes free when asked
/// @param memoryTotal bytes in all
public record TrainingDevice(String name, String description, long memoryFree, long memoryTotal) {

  /// All devices here, the one that `auto` chooses first.
  public static List<TrainingDevice> all() {
    return Backend.devices().stream()
        .map(
            device ->
                new TrainingDevice(
                    device.name(), device.description(), device.memoryFree(), device.memoryTotal()))
        .toList();
  }
}
