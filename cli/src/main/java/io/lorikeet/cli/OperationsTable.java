package io.lorikeet.cli;

import io.lorikeet.finetune.DeviceOperations;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// The table of `lorikeet devices --operations`: the operations of training that each device has.
///
/// @param devices at least one
record OperationsTable(List<DeviceOperations> devices) {

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    DeviceOperations any = devices.getFirst();
    for (String operation : any.byWeight().keySet()) {
      lines.add(operation + ", by type of the weight");
      devices.forEach(
          one ->
              lines.add(
                  line(
                      "  " + one.device(),
                      types(one.byWeight().getOrDefault(operation, List.of())))));
    }
    lines.add("");
    lines.add(
        line(
            "operations on activations",
            devices.stream().map(DeviceOperations::device).collect(Collectors.joining("  "))));
    for (String operation : any.activations().keySet()) {
      String cells =
          devices.stream().map(one -> cell(one, operation)).collect(Collectors.joining("  "));
      lines.add(line("  " + operation, cells));
    }
    return lines;
  }

  private static String cell(DeviceOperations device, String operation) {
    String answer =
        switch (device.activations().getOrDefault(operation, DeviceOperations.Support.NONE)) {
          case OWN -> "yes";
          case FROM_OTHERS -> "from others";
          case NONE -> "no";
        };
    return String.format(Locale.ROOT, "%-" + device.device().length() + "s", answer);
  }

  private static String types(List<String> supported) {
    List<String> lacking = new ArrayList<>(DeviceOperations.weightTypes());
    lacking.removeAll(supported);
    if (lacking.isEmpty()) {
      return "all types";
    }
    return lacking.size() < supported.size()
        ? "all but " + String.join(", ", lacking)
        : supported.isEmpty() ? "no type" : String.join(", ", supported);
  }

  private static String line(String first, String second) {
    return String.format(Locale.ROOT, "%-34s %s", first, second).stripTrailing();
  }
}
