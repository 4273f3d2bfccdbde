package io.lorikeet.cli;

import io.lorikeet.finetune.DeviceOperations;
import io.lorikeet.finetune.TrainingDevice;
import io.lorikeet.finetune.text.Words;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet devices`.
@Command(
    name = "devices",
    description = "List the devices that can train, under the names that --device takes.")
final class DevicesCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--operations",
      description = "which operations of training each has, for which types of weights")
  private boolean operations;

  @Option(names = "--json", description = "print the devices as JSON")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      if (operations) {
        throw new ParameterException(spec.commandLine(), "give either --operations or --json");
      }
      out.println(JsonText.of(TrainingDevice.all().stream().map(DevicesCommand::json).toList()));
      return 0;
    }
    if (operations) {
      new OperationsTable(DeviceOperations.ofAllDevices()).lines().forEach(out::println);
      return 0;
    }
    TrainingDevice.all().forEach(device -> out.println(line(device)));
    return 0;
  }

  /// A device's name, hardware and memory, for programs.
  static Map<String, Object> json(TrainingDevice device) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", device.name());
    json.put("description", device.description());
    json.put("free_bytes", device.memoryFree());
    json.put("total_bytes", device.memoryTotal());
    return json;
  }

  /// A device's name, memory and hardware.
  static String line(TrainingDevice device) {
    String memory =
        Words.bytes(device.memoryFree()) + " of " + Words.bytes(device.memoryTotal()) + " free";
    return String.format(
        Locale.ROOT, "%-10s %-26s %s", device.name(), memory, device.description());
  }
}
