package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path folder;

  @BeforeEach
  void writeFiles() throws IOException {
    Files.writeString(folder.resolve("base.gguf"), "x");
    Files.writeString(folder.resolve("data.jsonl"), "x");
  }

  @Test
  void holdsTheConfiguration() throws IOException {
    TrainingConfig config = options().resolve(_ -> 512).withAccumulate(4);
    try (RunFolder run = RunFolder.take(config.get(Settings.RUN))) {
      assertEquals(folder.resolve("adapter-run"), run.path());
      run.write(config, computation(config));
      Files.writeString(run.metrics(), "{}\n");
    }
    assertEquals(
        List.of("computation.yaml", "config.yaml", "metrics.jsonl"),
        files(config.get(Settings.RUN)));
    TrainingOptions written = ConfigFile.read(config.get(Settings.RUN).resolve("config.yaml"));
    assertEquals(config.settings(), written.resolve(_ -> 512).settings());
    try (RunFolder run = RunFolder.reopen(config.get(Settings.RUN))) {
      assertEquals(Optional.of(computation(config)), run.computation(config));
    }
  }

  @Test
  void aRunThatMeasuredNothingLeavesNothing() throws IOException {
    TrainingConfig config = options().resolve(_ -> 512);
    try (RunFolder run = RunFolder.take(config.get(Settings.RUN))) {
      run.write(config, computation(config));
      new MetricsFile(run.metrics(), Optional.empty()).close();
    }
    assertFalse(Files.exists(config.get(Settings.RUN)));
    Path used = Files.createDirectory(folder.resolve("used"));
    Files.writeString(used.resolve("notes.txt"), "mine");
    try (RunFolder run = RunFolder.take(used)) {
      run.write(config, computation(config));
    }
    assertEquals(List.of("notes.txt"), files(used));
  }

  @Test
  void anEarlierRunIsNeverOverwritten() throws IOException {
    TrainingConfig first = options().resolve(_ -> 512);
    try (RunFolder run = RunFolder.take(first.get(Settings.RUN))) {
      Files.writeString(run.metrics(), "{}\n");
    }
    String message =
        assertThrows(InvalidInputException.class, () -> RunFolder.take(first.get(Settings.RUN)))
            .getMessage();
    assertTrue(message.contains("holds an earlier run"), message);
    assertEquals(List.of("metrics.jsonl"), files(first.get(Settings.RUN)));
    TrainingConfig second = options().resolve(_ -> 512);
    assertEquals(folder.resolve("adapter-run-2"), second.get(Settings.RUN));
  }

  @Test
  void aConfigurationOfOnesOwnIsNotOverwritten() throws IOException {
    Files.writeString(folder.resolve("config.yaml"), "rank: 8\n");
    String message =
        assertThrows(InvalidInputException.class, () -> RunFolder.take(folder)).getMessage();
    assertTrue(message.contains("config.yaml"), message);
    assertEquals(List.of("base.gguf", "config.yaml", "data.jsonl"), files(folder));
  }

  @Test
  void twoRunsDoNotShareAFolder() throws IOException {
    Path path = options().resolve(_ -> 512).get(Settings.RUN);
    try (RunFolder run = RunFolder.take(path)) {
      String message =
          assertThrows(InvalidInputException.class, () -> RunFolder.take(path)).getMessage();
      assertTrue(message.contains("another training run works in " + run.path()), message);
      assertEquals(folder.resolve("adapter-run-2"), options().resolve(_ -> 512).get(Settings.RUN));
    }
    RunFolder.take(path).close();
  }

  @Test
  void aFileIsNoFolder() {
    TrainingConfig config =
        options().set(Settings.RUN, folder.resolve("data.jsonl")).resolve(_ -> 512);
    String message =
        assertThrows(InvalidInputException.class, () -> RunFolder.take(config.get(Settings.RUN)))
            .getMessage();
    assertEquals("run: " + config.get(Settings.RUN) + " is a file, not a folder", message);
  }

  @Test
  void metricsAreJsonLines() throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    try (MetricsFile metrics = new MetricsFile(file, Optional.empty())) {
      metrics.on(new TrainingEvent.Note("not a number"));
      metrics.on(new TrainingEvent.Evaluated(0, 0, 3.5, 100, 0.5, Map.of()));
      metrics.on(
          new TrainingEvent.StepDone(
              1, 10, 0.1, 2.5, 1e-4, 0.7, 300, 500, 2, OptionalDouble.empty(), Map.of()));
      List<String> lines = Files.readAllLines(file);
      assertEquals(2, lines.size());
      JsonNode evaluation = new ObjectMapper().readTree(lines.get(0));
      assertTrue(evaluation.get("evaluation").asBoolean());
      assertEquals(3.5, evaluation.get("loss").asDouble());
      JsonNode step = new ObjectMapper().readTree(lines.get(1));
      assertEquals(
          "step, epoch, loss, learning_rate, grad_norm, target_tokens, tokens, seconds,"
              + " tokens_per_second",
          String.join(", ", (Iterable<String>) step::fieldNames));
      assertEquals(250, step.get("tokens_per_second").asDouble());
      assertEquals(1e-4, step.get("learning_rate").asDouble());
    }
  }

  private static Computation computation(TrainingConfig config) {
    PassShape shape =
        new PassShape(config.get(Settings.BATCH_SIZE), config.get(Settings.CONTEXT), 32, 16, 8);
    return new Computation(
        "cpu",
        "a",
        1,
        "b",
        ProductFormat.GGML,
        Placement.onDevice(shape, SavedActivations.ATTENTION));
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private TrainingOptions options() {
    return new TrainingOptions()
        .model(folder.resolve("base.gguf"))
        .data(folder.resolve("data.jsonl"))
        .output(folder.resolve("adapter.gguf"));
  }
}
