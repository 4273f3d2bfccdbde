package io.lorikeet.train.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.ExampleFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigFileTest {
  @TempDir Path folder;

  @Test
  void readsValuesAndLists() throws IOException {
    TrainingOptions options =
        read(
            """
            # comment
            model: base.gguf
            data: [a.jsonl, "b, c.jsonl", {path: d, weight: 0.5, format: text}]
            learning-rate: 2e-4
            target:
              - q
              - v
            rank: 8
            skip-bad-lines: true
            schedule: Cosine
            validation: 0.05
            device:
            """);
    assertEquals(Optional.of(Path.of("base.gguf")), options.get(Settings.MODEL));
    assertEquals(
        Optional.of(
            List.of(
                DataSource.of("a.jsonl"),
                DataSource.of("b, c.jsonl"),
                new DataSource("d", 0.5, Optional.of(ExampleFormat.TEXT)))),
        options.get(Settings.DATA));
    assertEquals(Optional.of(2e-4), options.get(Settings.LEARNING_RATE));
    assertEquals(Optional.of(List.of("q", "v")), options.get(Settings.TARGET));
    assertEquals(Optional.of(true), options.get(Settings.SKIP_BAD_LINES));
    assertEquals(Optional.of(TrainingConfig.Schedule.COSINE), options.get(Settings.SCHEDULE));
    assertEquals(Optional.of(new ValidationData.Fraction(0.05)), options.get(Settings.VALIDATION));
    assertEquals(Optional.empty(), options.get(Settings.DEVICE));
    assertEquals(Optional.empty(), options.get(Settings.SEED));
  }

  @Test
  void namesEverythingThatIsWrongAndItsLine() {
    String message =
        failure(
            """
            modle: base.gguf
            rank: many
            target:
              q: true
            learning_rate: 1e-4
            data: [[a]]
            rank: 3
            batch-size: [1, 2]
            schedule: linaer
            packing: yes
            """);
    String file = folder.resolve("config.yaml").toString();
    assertEquals(
        String.join(
            "\n",
            file + ":1: unknown key 'modle'; did you mean 'model'?",
            file + ":2: rank: expected a whole number from 1 to 65536, found 'many'",
            file + ":3: target: expected a value or a list of values",
            file + ":5: unknown key 'learning_rate'; did you mean 'learning-rate'?",
            file + ":6: data: expected a file, or path, weight and format",
            file + ":7: rank was already given above",
            file + ":8: batch-size: expected one value, found 2",
            file
                + ":9: schedule: expected constant, linear or cosine, found 'linaer'; did you mean"
                + " 'linear'?",
            file + ":10: packing: expected true or false, found 'yes'"),
        message);
  }

  @Test
  void numbersAreDecimal() {
    String message =
        failure(
            """
            data: [{path: d, weight: 0x1p-1}]
            rank: 1_6
            alpha: .inf
            validation: 0.5f
            batch-size: 0x10
            dropout: NaN
            """);
    String file = folder.resolve("config.yaml").toString();
    assertEquals(
        String.join(
            "\n",
            file + ":1: data: expected a number from 0.000001 to 1000000, found '0x1p-1'",
            file + ":2: rank: expected a whole number from 1 to 65536, found '1_6'",
            file + ":3: alpha: expected a number from 0.000000001 to 1000000000, found '.inf'",
            file + ":5: batch-size: expected a whole number from 1 to 65536, found '0x10'",
            file + ":6: dropout: expected a number from 0 to 0.99, found 'NaN'"),
        message);
  }

  @Test
  void tellsWhatIsNotAConfiguration() throws IOException {
    assertTrue(failure("model: [a\nrank: 3\n").contains("config.yaml:2: this isn't YAML: "));
    assertTrue(failure("- a\n- b\n").contains("config.yaml:1: expected lines of 'key: value'"));
    assertEquals(Optional.empty(), read("# nothing\n").get(Settings.MODEL));
    Path none = folder.resolve("none.yaml");
    String message =
        assertThrows(InvalidInputException.class, () -> ConfigFile.read(none)).getMessage();
    assertEquals("config: there is no file " + none, message);
    Files.write(folder.resolve("config.yaml"), new byte[] {'a', (byte) 0xFF});
    assertThrows(InvalidInputException.class, () -> ConfigFile.read(folder.resolve("config.yaml")));
  }

  @Test
  void whatIsWrittenReadsAsTheSame() throws IOException {
    Path base = Files.writeString(folder.resolve("base.gguf"), "x");
    Path data = Files.writeString(folder.resolve("a: #1.jsonl"), "x");
    for (TrainingOptions options :
        List.of(
            new TrainingOptions(),
            new TrainingOptions()
                .validation(0.25)
                .set(Settings.STEPS, 30)
                .set(Settings.ACCUMULATE, 4)
                .set(Settings.ALPHA, 1e-7)
                .set(Settings.SEED, Long.MIN_VALUE)
                .set(Settings.TARGET, List.of("q", "v"))
                .set(Settings.SCHEDULE, TrainingConfig.Schedule.COSINE)
                .set(Settings.EVALUATE_EVERY, 7),
            new TrainingOptions()
                .validation(data)
                .set(Settings.PACKING, false)
                .set(Settings.RSLORA, true))) {
      options.model(base).data(data, base).output(folder.resolve("out.gguf"));
      TrainingConfig config = options.resolve(_ -> 512);
      assertEquals(config.settings(), read(ConfigFile.write(config)).resolve(_ -> 512).settings());
    }
  }

  private TrainingOptions read(String yaml) throws IOException {
    return ConfigFile.read(Files.writeString(folder.resolve("config.yaml"), yaml));
  }

  private String failure(String yaml) {
    return assertThrows(InvalidInputException.class, () -> read(yaml)).getMessage();
  }
}
