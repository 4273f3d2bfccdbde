package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.event.TrainingEvent;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class TrainingProgressTest {

  @Test
  void withoutTerminalALineForEachTwentieth() {
    List<String> lines = run(false, 400, 0.5).lines().toList();
    assertEquals("training 1,000 of 100,000 parameters (1.00 %) in 400 steps", lines.getFirst());
    assertEquals("step 1/400  loss 3.9975  3m 20s left  200 tokens/s", lines.get(1));
    assertEquals("step 20/400  loss 3.9500  3m 10s left  200 tokens/s", lines.get(2));
    assertEquals("step 400/400  loss 3.0000  0s left  200 tokens/s", lines.getLast());
    assertEquals(22, lines.size());
  }

  @Test
  void withoutTerminalSlowStepsAreShownEachMinute() {
    List<String> lines = run(false, 400, 30).lines().toList();
    assertTrue(
        lines.contains("step 3/400  loss 3.9925  3h 18m left  3 tokens/s"), lines.toString());
    assertFalse(lines.toString().contains("step 2/400"), lines.toString());
  }

  @Test
  void onATerminalOneLineIsWrittenOver() {
    String output = run(true, 400, 0.5);
    assertEquals(2, output.chars().filter(c -> c == '\n').count());
    assertTrue(
        output.contains("step 2/400  loss 3.9950  3m 19s left  200 tokens/s\r\u001b[Jstep 3/400"),
        output);
    assertTrue(output.endsWith("step 400/400  loss 3.0000  0s left  200 tokens/s\n"), output);
  }

  @Test
  void evaluationsAndWarningsStay() {
    StringWriter out = new StringWriter();
    TrainingProgress progress = new TrainingProgress(line(out, true, () -> 0));
    progress.on(new TrainingEvent.Progress("uploading weights", 1, 4));
    progress.on(new TrainingEvent.Warning("2 lines were cut"));
    progress.on(new TrainingEvent.Evaluated(0, 0, 2, 10, 1, Map.of()));
    progress.on(new TrainingEvent.Evaluated(5, 1, 1, 10, 1, Map.of()));
    assertEquals(
        """
        uploading weights: 25.0 %\r\u001b[Jwarning: 2 lines were cut
        before training: validation loss 2.0000 (perplexity 7.39)
        after step 5: validation loss 1.0000 (perplexity 2.72)
        """,
        out.toString());
  }

  private static ProgressLine line(StringWriter out, boolean terminal, LongSupplier clock) {
    Supplier<OptionalInt> columns = () -> OptionalInt.of(80);
    return new ProgressLine(
        new PrintWriter(out),
        terminal ? new Screen(columns, columns, false) : Screen.none(),
        clock);
  }

  private static String run(boolean terminal, int steps, double seconds) {
    StringWriter out = new StringWriter();
    AtomicLong time = new AtomicLong();
    TrainingProgress progress = new TrainingProgress(line(out, terminal, time::get));
    progress.on(new TrainingEvent.Started(steps, 0, 1000, 100_000));
    for (int step = 1; step <= steps; step++) {
      time.addAndGet(Math.round(seconds * 1e9));
      double loss = 4 - (double) step / steps;
      progress.on(
          new TrainingEvent.StepDone(
              step, steps, 1, loss, 1e-4, 1, 90, 100, seconds, OptionalDouble.empty(), Map.of()));
    }
    return out.toString();
  }
}
