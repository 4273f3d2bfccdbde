package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.lorikeet.train.event.TrainingEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.ofEpochSecond(1_700_000_000), ZoneOffset.UTC);

  @TempDir private Path folder;

  private static TrainingEvent step(int number, double loss) {
    return new TrainingEvent.StepDone(
        number, 300, 0.5, loss, 1e-4, 2.5, 10, 20, 0.5, OptionalDouble.empty(), Map.of());
  }

  /// The bytes that TensorBoard 2.21's own package read with these numbers: `EventAccumulator`
  /// gives train/loss 4.5 at step 1 and 3.25 at step 200, eval/loss 5 at step 0.
  @Test
  void writesTheBytesThatTensorBoardRead() throws IOException {
    try (EventFile file = new EventFile(folder, CLOCK)) {
      file.on(new TrainingEvent.Note("not a number"));
      file.on(new TrainingEvent.Evaluated(0, 0, 5, 10, 1, Map.of()));
      file.on(step(1, 4.5));
      file.on(step(200, 3.25));
    }
    Path written = folder.resolve("events.out.tfevents.1700000000.lorikeet");
    assertEquals(
        Files.readString(Path.of("src/test/resources/tensorboard-events.hex")).replace("\n", ""),
        HexFormat.of().formatHex(Files.readAllBytes(written)));
  }

  @Test
  void aRunThatGoesOnBeginsAnotherFile() throws IOException {
    Path unused = folder.resolve("unused");
    new EventFile(unused, CLOCK).close();
    assertFalse(Files.exists(unused), "nothing was measured");
    for (int i = 0; i < 2; i++) {
      try (EventFile file = new EventFile(folder, CLOCK)) {
        file.on(step(7, 1));
      }
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of(
              "events.out.tfevents.1700000000.lorikeet",
              "events.out.tfevents.1700000000.lorikeet.2"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }
}
