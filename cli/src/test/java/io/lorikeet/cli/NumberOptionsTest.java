package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/// Every option of every command that takes a number.
@Tag("slow")
class NumberOptionsTest {
  private static final List<String> NEVER_NUMBERS =
      List.of(
          "",
          " ",
          "-",
          "10%",
          "0.5f",
          "1d",
          "0x1p-10",
          "0x10",
          "1_0",
          "1,5",
          "1e",
          "٣",
          "１",
          "NaN",
          "Infinity",
          "-Infinity",
          "1e308",
          "1e999999999",
          "-1e999999999",
          "9".repeat(1000));

  /// Bounds of some option each.
  private static final List<String> BOUNDS =
      List.of(
          "1e-30",
          "1e-9",
          "0",
          "1",
          "2",
          "0.99",
          "0.9999",
          "100",
          "512",
          "65536",
          "1000000",
          "16777216",
          "1000000000",
          "1e38",
          "9223372036854775807",
          "1B",
          "1000000TB",
          "1s",
          "999999h");

  @TempDir private Path folder;

  @Test
  void takeDecimalNumbersAlone() {
    int options = 0;
    for (CommandLine command : commands()) {
      for (OptionSpec option : command.getCommandSpec().options()) {
        if (!takesNumber(command, option)) {
          continue;
        }
        options++;
        String name = option.names()[0];
        for (String text : NEVER_NUMBERS) {
          String place = command.getCommandName() + " " + name + "=" + text;
          assertThrows(RuntimeException.class, () -> read(command, option, text), place);
        }
        CommandRun.of(command.getCommandName(), name + "=10%")
            .assertFails(2, name + ": expected ", "found '10%'");
      }
    }
    assertTrue(options > 60, "only " + options);
  }

  @Test
  void areWithinWhatCanBeComputed() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).context(64).write(folder.resolve("base.gguf"));
    for (Setting<?> setting : Settings.all()) {
      if (!takesNumber(setting)) {
        continue;
      }
      List<String> possible = BOUNDS.stream().filter(text -> reads(setting, text)).toList();
      for (String text : List.of(possible.getFirst(), possible.getLast())) {
        String option = "--" + setting.key() + "=" + text;
        CommandRun run = CommandRun.of("plan", "--model", base, "--device", "cpu", option);
        assertTrue(run.exitCode() <= 2, option);
        assertFalse(run.err().contains("unexpected"), () -> option + ": " + run.err());
        if (!run.err().isEmpty()) {
          run.assertFails(2, setting.key());
        }
      }
    }
  }

  private static List<CommandLine> commands() {
    List<CommandLine> commands = new ArrayList<>();
    commands.addAll(
        Main.program(new Main(new Interruption(Screen.none()), Screen.none()))
            .getSubcommands()
            .values());
    return commands;
  }

  private static boolean takesNumber(CommandLine command, OptionSpec option) {
    if (isSetting(command, option)) {
      return takesNumber(setting(option));
    }
    Class<?> type = option.auxiliaryTypes()[0];
    boolean number = type.isPrimitive() && type != boolean.class;
    return number || Number.class.isAssignableFrom(type);
  }

  private static boolean isSetting(CommandLine command, OptionSpec option) {
    return List.of("train", "plan", "data").contains(command.getCommandName())
        && Settings.named(option.longestName().substring(2)).isPresent();
  }

  private static Setting<?> setting(OptionSpec option) {
    return Settings.named(option.longestName().substring(2)).orElseThrow();
  }

  private static boolean takesNumber(Setting<?> setting) {
    return reads(setting, "1") && setting.parse(List.of("1")) instanceof Number
        || reads(setting, "2") && setting.parse(List.of("2")) instanceof Number
        || reads(setting, "0.5") && setting.parse(List.of("0.5")) instanceof Number
        || reads(setting, "1GB") && setting.parse(List.of("1GB")) instanceof Long
        || reads(setting, "1s") && setting.parse(List.of("1s")) instanceof Duration;
  }

  private static boolean reads(Setting<?> setting, String text) {
    try {
      setting.parse(List.of(text));
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private static Object read(CommandLine command, OptionSpec option, String text) throws Exception {
    if (isSetting(command, option)) {
      return setting(option).parse(List.of(text));
    }
    assertEquals(1, option.converters().length, option.longestName() + " has no bounds");
    return option.converters()[0].convert(text);
  }
}
