package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The fastest products learn what exact ones do.
class PrecisionTest {
  private static final int STEPS = 200;

  /// Losses are compared as means of this many steps, in which single examples even out.
  private static final int WINDOW = 10;

  private static final double BOUND = 1e-2;

  @TempDir private Path folder;
  private final Events events = new Events();

  @Test
  void theLossFallsAsInF32() throws IOException {
    List<Double> exact = losses(Precision.F32);
    List<Double> fast = losses(Precision.AUTO);
    assertTrue(exact.getLast() < 0.7 * exact.getFirst(), "it must learn: " + exact);
    for (int first = 0; first < STEPS; first += WINDOW) {
      double expected = mean(exact, first);
      assertEquals(expected, mean(fast, first), BOUND * expected, "from step " + (first + 1));
    }
  }

  private static double mean(List<Double> losses, int first) {
    return losses.subList(first, first + WINDOW).stream()
        .mapToDouble(Double::doubleValue)
        .average()
        .orElseThrow();
  }

  private List<Double> losses(Precision precision) throws IOException {
    events.clear();
    Path base = RandomModel.of(TensorType.Q4_0).layers(1).write(folder.resolve("base.gguf"));
    Path data = TinyRun.data(folder.resolve("data.jsonl"), 24, 1);
    TrainingOptions options =
        TinyRun.options(base, data, folder.resolve(precision + ".gguf"))
            .set(Settings.STEPS, STEPS)
            .set(Settings.CONTEXT, 32)
            .set(Settings.ACCUMULATE, 1)
            .set(Settings.LEARNING_RATE, 1e-3)
            .set(Settings.PRECISION, precision);
    new Trainer(options.resolve(), events).run();
    return events.steps().stream().map(TrainingEvent.StepDone::loss).toList();
  }
}
