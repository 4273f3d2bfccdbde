package io.lorikeet.cli;

import io.lorikeet.finetune.DeviceOperations;
import io.lorikeet.finetune.TrainingDevice;
import io.lorikeet.finetune.text.Words;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
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

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (operations) {
      new OperationsTable(DeviceOperations.ofAllDevices()).lines().forEach(out::println);
      return 0;
    }
    TrainingDevice.all().forEach(device -> out.println(line(device)));
    return 0;
  }

  /// A device's name, memory and hardware.
  static String line(TrainingDevice device) {
    String memory =
        Words.bytes(device.memoryFree()) + " of " + Words.bytes(device.memoryTotal()) + " free";
    return String.format(
        Locale.ROOT, "%-10s %-26s %s", device.name(), memory, device.description());
  }
}
