package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jfr.DataAmount;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A run as Java's Flight Recorder sees it.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class FlightEventsTest {
  @TempDir private Path folder;

  @Test
  void recordsStepsValidationsCheckpointsSamplesAndWaits() throws Exception {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
    Path file = folder.resolve("run.jfr");
    Events events = new Events();
    try (Recording recording = new Recording()) {
      recording.start();
      new Trainer(
              TinyRun.options(base, data, folder.resolve("a.gguf"))
                  .validation(0.2)
                  .set(Settings.STEPS, 4)
                  .set(Settings.EVALUATE_EVERY, 2)
                  .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(4))
                  .set(Settings.SAMPLE, List.of(SampleSource.parse("say a1")))
                  .set(Settings.SAMPLE_TOKENS, 4)
                  .resolve(),
              events)
          .run();
      recording.dump(file);
    }
    Map<String, List<RecordedEvent>> recorded =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().startsWith("lorikeet."))
            .collect(Collectors.groupingBy(event -> event.getEventType().getName()));
    List<RecordedEvent> steps = recorded.get("lorikeet.Step");
    assertEquals(4, steps.size());
    for (int i = 0; i < 4; i++) {
      RecordedEvent step = steps.get(i);
      assertEquals(i + 1, step.getInt("step"));
      assertEquals(events.steps().get(i).loss(), step.getDouble("loss"));
      assertEquals(events.steps().get(i).tokens(), step.getLong("tokens"));
      assertEquals(events.steps().get(i).seconds(), step.getDuration().toNanos() / 1e9, 0.05);
      assertEquals(List.of("Lorikeet"), step.getEventType().getCategoryNames());
    }
    assertEquals(
        List.of(0, 2, 4),
        recorded.get("lorikeet.Validation").stream().map(event -> event.getInt("step")).toList());
    assertEquals(3, recorded.get("lorikeet.Samples").size());
    assertTrue(recorded.get("lorikeet.Samples").getFirst().getLong("tokens") > 0);
    assertEquals(4, recorded.get("lorikeet.DeviceWait").size());
    RecordedEvent checkpoint = recorded.get("lorikeet.Checkpoint").getLast();
    assertEquals(4, checkpoint.getInt("step"));
    assertTrue(checkpoint.getLong("bytes") > 10_000);
    assertEquals(
        DataAmount.BYTES,
        checkpoint.getEventType().getField("bytes").getAnnotation(DataAmount.class).value());
  }
}
