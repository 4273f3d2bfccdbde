package io.lorikeet.finetune;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.SupportedOperations;
import io.lorikeet.bindings.TensorType;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The operations of training that a device has. Types of weights are named as ggml names them.
///
/// @param device its name
/// @param byWeight for each operation on weights the types that it takes them in
/// @param activations for each other operation how the device does it
@Beta
public record DeviceOperations(
    String device, Map<String, List<String>> byWeight, Map<String, Support> activations) {
  /// Gradients that are put together from other operations where a device lacks them.
  private static final Set<String> REPLACED =
      Set.of("rms_norm_back", "rope_back", "soft_max_back", "silu_back");

  /// How a device does an operation.
  public enum Support {
    OWN,
    /// It is put together from other operations.
    FROM_OTHERS,
    NONE
  }

  /// Asks all devices here, of which there is one at least.
  public static List<DeviceOperations> ofAllDevices() {
    return TrainingDevice.all().stream().map(device -> of(device.name())).toList();
  }

  private static DeviceOperations of(String device) {
    try (Backend backend = Backend.open(device, 1)) {
      SupportedOperations supported = SupportedOperations.of(backend);
      Map<String, List<String>> byWeight = new LinkedHashMap<>();
      supported.byWeight().forEach((operation, types) -> byWeight.put(operation, names(types)));
      Map<String, Support> activations = new LinkedHashMap<>();
      supported
          .activations()
          .forEach((operation, own) -> activations.put(operation, support(operation, own)));
      return new DeviceOperations(device, byWeight, activations);
    }
  }

  private static Support support(String operation, boolean own) {
    if (own) {
      return Support.OWN;
    }
    return REPLACED.contains(operation) ? Support.FROM_OTHERS : Support.NONE;
  }

  /// All types that matrices of a base can have.
  public static List<String> weightTypes() {
    return names(SupportedOperations.weightTypes());
  }

  private static List<String> names(Collection<TensorType> types) {
    return types.stream().map(TensorType::ggmlName).toList();
  }
}
