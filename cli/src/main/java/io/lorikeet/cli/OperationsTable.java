package io.lorikeet.cli;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.SupportedOperations;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// The table of `lorikeet devices --operations`: the operations of training that each device has.
///
/// @param devices by name
record OperationsTable(Map<String, SupportedOperations> devices) {
  /// Gradients that are put together from other operations where a device lacks them.
  private static final Set<String> REPLACED =
      Set.of("rms_norm_back", "rope_back", "soft_max_back", "silu_back");

  /// Asks all devices.
  static OperationsTable ask() {
    Map<String, SupportedOperations> devices = new LinkedHashMap<>();
    Backend.devices()
        .forEach(
            device -> {
              try (Backend backend = Backend.open(device.name(), 1)) {
                devices.put(device.name(), SupportedOperations.of(backend));
              }
            });
    return new OperationsTable(devices);
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    SupportedOperations any = devices.values().iterator().next();
    for (String operation : any.byWeight().keySet()) {
      lines.add(operation + ", by type of the weight");
      devices.forEach(
          (name, supported) ->
              lines.add(line("  " + name, types(supported.byWeight().get(operation)))));
    }
    lines.add("");
    lines.add(line("operations on activations", String.join("  ", devices.keySet())));
    for (String operation : any.activations().keySet()) {
      String cells =
          devices.entrySet().stream()
              .map(device -> cell(device.getKey(), device.getValue(), operation))
              .collect(Collectors.joining("  "));
      lines.add(line("  " + operation, cells));
    }
    return lines;
  }

  private static String cell(String device, SupportedOperations supported, String operation) {
    String answer =
        supported.activations().get(operation)
            ? "yes"
            : REPLACED.contains(operation) ? "from others" : "no";
    return String.format(Locale.ROOT, "%-" + device.length() + "s", answer);
  }

  private static String types(Collection<TensorType> supported) {
    List<TensorType> lacking = new ArrayList<>(SupportedOperations.weightTypes());
    lacking.removeAll(supported);
    if (lacking.isEmpty()) {
      return "all types";
    }
    return lacking.size() < supported.size()
        ? "all but " + names(lacking)
        : supported.isEmpty() ? "no type" : names(supported);
  }

  private static String names(Collection<TensorType> types) {
    return types.stream().map(TensorType::ggmlName).collect(Collectors.joining(", "));
  }

  private static String line(String first, String second) {
    return String.format(Locale.ROOT, "%-34s %s", first, second).stripTrailing();
  }
}
