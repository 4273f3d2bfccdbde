package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingDataTest {
  @TempDir Path folder;
  private final Events events = new Events();
  private Path data;

  @BeforeEach
  void writeExamples() throws IOException {
    Files.writeString(folder.resolve("base.gguf"), "not read here");
    data = folder.resolve("data.jsonl");
    Files.writeString(
        data,
        IntStream.rangeClosed(1, 40)
            .mapToObj(i -> "{\"question\": \"%d + 1?\", \"answer\": \"%d\"}%n".formatted(i, i + 1))
            .collect(Collectors.joining()));
  }

  @Test
  void aShareIsMeasuredAndNotTrainedOn() throws IOException {
    TrainingData loaded = load(options().validation(0.1), 64);
    DataSet validation = loaded.validation().orElseThrow();
    assertEquals(4, validation.examples());
    assertEquals(36, loaded.training().examples());
    Set<SourceLine> both = new HashSet<>(sources(validation));
    both.addAll(sources(loaded.training()));
    assertEquals(40, both.size());
    assertEquals(
        sources(validation),
        sources(load(options().validation(0.1), 64).validation().orElseThrow()));
    assertTrue(
        events.notes().get(1).startsWith("training: 36 examples, "), events.notes()::toString);
  }

  @Test
  void eachSideOfAShareHasAnExample() throws IOException {
    assertEquals(1, load(options().validation(0.001), 64).validation().orElseThrow().examples());
    assertEquals(1, load(options().validation(0.999), 64).training().examples());
    Files.writeString(data, "\"only one\"");
    String message =
        assertThrows(InvalidInputException.class, () -> load(options().validation(0.5), 64))
            .getMessage();
    assertEquals("validation: a share needs at least two examples; the data has 1", message);
  }

  /// Of 36 new examples 9 more are the fifth of 45; old examples are never measured, and one that
  /// is measured isn't trained on in its old place, either.
  @Test
  void oldDataMakesUpItsShare() throws IOException {
    Path old = folder.resolve("old.jsonl");
    String known = Files.readString(data).lines().collect(Collectors.joining("\n")) + "\n";
    Files.writeString(
        old,
        known
            + IntStream.range(0, 3000)
                .mapToObj(i -> "{\"question\": \"old %d?\", \"answer\": \"%d\"}%n".formatted(i, i))
                .collect(Collectors.joining()));
    TrainingOptions options =
        options()
            .set(Settings.REPLAY, List.of(new ReplaySource(DataSource.of(old), 0.2)))
            .validation(0.1);
    TrainingData loaded = load(options, 64);
    Set<SourceLine> measured = sources(loaded.validation().orElseThrow());
    assertEquals(4, measured.size());
    assertTrue(
        measured.stream().allMatch(line -> line.file().equals(data.toString())),
        measured::toString);
    Set<SourceLine> trained = sources(loaded.training());
    long replayed = trained.stream().filter(line -> line.file().equals(old.toString())).count();
    assertEquals(36, trained.size() - replayed);
    assertTrue(replayed >= 3 && replayed <= 18, "replayed: " + replayed); // drawn one by one
    for (SourceLine line : measured) {
      assertTrue(!trained.contains(new SourceLine(old.toString(), line.line())), line.toString());
    }
    assertEquals(trained, sources(load(options, 64).training()), "not the same twice");
    TrainingOptions more =
        options().set(Settings.REPLAY, List.of(new ReplaySource(DataSource.of(data), 0.75)));
    assertEquals(160, load(more, 64).training().examples()); // each old one three times
  }

  @Test
  void sharesOfOldDataAreChecked() {
    assertEquals(
        List.of(new ReplaySource(DataSource.of("a:b.jsonl"), 0.25)),
        Settings.REPLAY.parse(List.of("a:b.jsonl:0.25")));
    for (String wrong : List.of("old.jsonl", "old.jsonl:1", "old.jsonl:0", "old.jsonl:x", ":0.5")) {
      assertThrows(
          IllegalArgumentException.class, () -> Settings.REPLAY.parse(List.of(wrong)), wrong);
    }
    ReplaySource half = new ReplaySource(DataSource.of(data), 0.5);
    TrainingOptions options = options().set(Settings.REPLAY, List.of(half, half));
    String message =
        assertThrows(InvalidInputException.class, () -> load(options, 64)).getMessage();
    assertTrue(message.contains("replay: the shares must leave something"), message);
  }

  @Test
  void aFileIsMeasured() throws IOException {
    Path file = folder.resolve("validation.json");
    Files.writeString(file, "[\"one\", \"two\"]");
    TrainingData loaded = load(options().validation(file), 64);
    assertEquals(2, loaded.validation().orElseThrow().examples());
    assertEquals(40, loaded.training().examples());
  }

  /// Examples of a validation file that are trained on aren't measured; training stays as it is.
  @Test
  void whatIsTrainedOnIsNotMeasured() throws IOException {
    Path file = folder.resolve("validation.jsonl");
    String known = Files.readString(data).lines().findFirst().orElseThrow();
    Files.writeString(file, known + "\n\"new\"\n");
    TrainingData loaded = load(options().validation(file), 64);
    assertEquals(1, loaded.validation().orElseThrow().examples());
    assertEquals(40, loaded.training().examples());
    assertEquals(
        "1 validation example is in the training data, too, and not measured; first " + file + ":1",
        events.warnings().getFirst());
    events.clear();
    assertEquals(40, load(options().validation(data), 64).validation().orElseThrow().examples());
    assertTrue(
        events.warnings().getFirst().startsWith("all validation examples are in the training data"),
        events.warnings()::toString);
  }

  @Test
  void aFolderBringsItsValidationData() throws IOException {
    Path set = Files.createDirectory(folder.resolve("set"));
    Files.writeString(set.resolve("train.jsonl"), "\"one\"\n\"two\"\n");
    Files.writeString(set.resolve("valid.jsonl"), "\"three\"\n");
    Files.writeString(set.resolve("test.jsonl"), "not read\n");
    TrainingData loaded = load(options().data(set), 64);
    assertEquals(2, loaded.training().examples());
    assertEquals(1, loaded.validation().orElseThrow().examples());
    assertEquals(set + ": not trained on: test.jsonl", events.notes().getFirst());
    load(options().data(set).validation(0.5), 64);
    assertTrue(
        events.notes().contains(set + ": not trained on: test.jsonl, valid.jsonl"),
        events.notes()::toString);
  }

  @Test
  void weightsCountInTraining() throws IOException {
    Path other = Files.writeString(folder.resolve("other.txt"), "a text");
    List<DataSource> sources =
        List.of(new DataSource(data.toString(), 2, Optional.empty()), DataSource.of(other));
    TrainingData loaded = load(options().set(Settings.DATA, sources), 64);
    assertEquals(81, loaded.training().examples());
    assertEquals(41, loaded.figures(TestEncodings.bytes()).examples());
  }

  @Test
  void problemsOfAllSourcesAreToldAtOnce() throws IOException {
    Path first = Files.writeString(folder.resolve("first.jsonl"), "{\n");
    Path second = Files.writeString(folder.resolve("second.csv"), "a\nb\n");
    String message =
        assertThrows(InvalidInputException.class, () -> load(options().data(first, second), 64))
            .getMessage();
    assertTrue(message.contains("first.jsonl:1: "), message);
    assertTrue(message.contains("second.csv:2: "), message);
  }

  @Test
  void aContextTooShortForAllPromptsIsRefused() {
    String message =
        assertThrows(InvalidInputException.class, () -> load(options(), 8)).getMessage();
    assertTrue(
        message.contains("none of the 40 examples fits into the context of 8 tokens"), message);
    assertEquals(1, events.warnings().size());
  }

  @Test
  void onlyBadLinesAreRefusedEvenIfSkipped() throws IOException {
    Files.writeString(
        data,
        "{\"prompt\": [1], \"completion\": \"b\"}\n{\"prompt\": {}, \"completion\": \"b\"}\n");
    TrainingOptions options = options().set(Settings.SKIP_BAD_LINES, true);
    String message =
        assertThrows(InvalidInputException.class, () -> load(options, 64)).getMessage();
    assertEquals(data + ": no line is an example", message);
  }

  @Test
  void filesAreMeasuredInTheirOrder() throws IOException {
    DataSet set =
        TrainingData.load(List.of(data), DataSettings.of(64), TestEncodings.bytes(), events);
    assertEquals(40, set.examples());
    assertTrue(set.paddingShare() < 0.5, set.summary());
  }

  private TrainingOptions options() {
    return new TrainingOptions()
        .model(folder.resolve("base.gguf"))
        .data(data)
        .output(folder.resolve("adapter.gguf"));
  }

  private TrainingData load(TrainingOptions options, int context) throws IOException {
    TrainingConfig config = options.resolve(_ -> context);
    return TrainingData.load(new DataSettings(config, 0), TestEncodings.bytes(), events);
  }

  private static Set<SourceLine> sources(DataSet data) {
    return data.batches(1).stream()
        .flatMap(batch -> batch.sources().stream())
        .collect(Collectors.toSet());
  }
}
