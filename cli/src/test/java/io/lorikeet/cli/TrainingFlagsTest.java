package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class TrainingFlagsTest {
  @TempDir private Path folder;

  @Test
  void everySettingHasAFlag() throws IOException {
    TrainingOptions options =
        parse(
            "--rank",
            "8",
            "--target",
            "q,k",
            "--rslora",
            "--packing",
            "false",
            "--data",
            "a.jsonl",
            "b.jsonl");
    assertEquals(8, options.get(Settings.RANK).orElseThrow().number());
    assertEquals(List.of("q", "k"), options.get(Settings.TARGET).orElseThrow());
    assertEquals(true, options.get(Settings.RSLORA).orElseThrow());
    assertEquals(false, options.get(Settings.PACKING).orElseThrow());
    assertEquals(
        List.of(DataSource.of("a.jsonl"), DataSource.of("b.jsonl")),
        options.get(Settings.DATA).orElseThrow());
    assertTrue(options.get(Settings.SEED).isEmpty());
  }

  @Test
  void flagsOverrideTheConfigurationFile() throws IOException {
    Path file = Files.writeString(folder.resolve("config.yaml"), "rank: 4\nseed: 9\n");
    TrainingOptions options = parse("--config", file.toString(), "--rank", "8");
    assertEquals(8, options.get(Settings.RANK).orElseThrow().number());
    assertEquals(9, options.get(Settings.SEED).orElseThrow());
  }

  @Test
  void allThatIsNotUnderstoodIsNamed() {
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class, () -> parse("--rank", "many", "--schedule", "liner"));
    assertTrue(
        e.getMessage().contains("--rank: expected a whole number from 1 to 65536, found 'many'"),
        e.getMessage());
    assertTrue(e.getMessage().contains("--schedule: expected"), e.getMessage());
  }

  private static TrainingOptions parse(String... args) throws IOException {
    CommandSpec command = new TrainingFlags().transform(CommandSpec.create());
    return TrainingFlags.options(new CommandLine(command).parseArgs(args));
  }
}
