package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.cli.terminal.TerminalSize;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.ProcessMemory;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class TrainingProgressTest {

  @Test
  void withoutTerminalALineForEachTwentieth() {
    List<String> lines = run(0, 400, 0.5).lines().toList();
    assertEquals("training 1,000 of 100,000 parameters (1.00 %) in 400 steps", lines.getFirst());
    assertEquals("step 1/400  loss 3.9975  3m 20s left  200 tokens/s", lines.get(1));
    assertEquals("step 20/400  loss 3.9500  3m 10s left  200 tokens/s", lines.get(2));
    assertEquals("step 400/400  loss 3.0000  0s left  200 tokens/s", lines.getLast());
    assertEquals(22, lines.size());
  }

  @Test
  void withoutTerminalSlowStepsAreShownEachMinute() {
    List<String> lines = run(0, 400, 30).lines().toList();
    assertTrue(
        lines.contains("step 3/400  loss 3.9925  3h 18m left  3 tokens/s"), lines.toString());
    assertFalse(lines.toString().contains("step 2/400"), lines.toString());
  }

  @Test
  void onANarrowTerminalOneLineIsWrittenOver() {
    String output = run(40, 400, 0.5);
    assertTrue(output.contains("step 2/400  loss 3.9950  3m 19s left\r\u001b[Jstep 3/400"), output);
    assertTrue(output.endsWith("step 400/400  loss 3.0000  0s left  200 tokens/s\n"), output);
    TerminalEmulator terminal = new TerminalEmulator(24, 40);
    terminal.write(output);
    assertEquals(5, terminal.text().size(), "two lines, each broken: " + terminal.text());
  }

  @Test
  void onATerminalABlockIsWrittenOver() {
    for (int width : new int[] {60, 80, 200}) {
      TerminalEmulator terminal = new TerminalEmulator(24, width);
      StringWriter out = new StringWriter();
      TrainingProgress progress = progress(out, width, () -> 0);
      progress.on(new TrainingEvent.Evaluated(0, 0, 4.5, 10, 1, Map.of()));
      progress.on(new TrainingEvent.Started(400, 0, 1000, 100_000));
      terminal.write(out.toString());
      assertTrue(terminal.text().getLast().startsWith("step 0/400  ░░░"), terminal.text() + "");
      for (int step = 1; step <= 100; step++) {
        progress.on(step(step, 400, 4 - step / 400.0, 0.5));
        if (step == 50) {
          progress.on(new TrainingEvent.Progress("validation", 3, 4));
          assertTrue(out.toString().endsWith("\nvalidation: 75.0 %"), out.toString());
          progress.on(new TrainingEvent.Evaluated(50, 0.1, 3.875, 10, 1, Map.of()));
          progress.on(new TrainingEvent.Warning("2 lines were cut"));
        }
      }
      terminal = new TerminalEmulator(24, width);
      terminal.write(out.toString());
      List<String> lines = terminal.text();
      assertEquals(
          List.of(
              "before training: validation loss 4.5000 (perplexity 90.02)",
              "after step 50: validation loss 3.8750 (perplexity 48.18)",
              "warning: 2 lines were cut"),
          lines.stream().filter(line -> line.matches("(before|after|warning).*")).toList());
      List<String> block = lines.subList(lines.size() - 3, lines.size());
      assertTrue(
          block.get(0).matches("step 100/400  █+░+  25\\.0 %  2m 30s left"), block.toString());
      assertTrue(
          block
              .get(1)
              .matches("loss 3\\.77[0-9]{2} ↓ falling  validation 3\\.8750 after step 50.*"),
          block.toString());
      assertTrue(block.get(2).startsWith("epoch 1.00  200 tokens/s  memory 256 MiB"), block + "");
      progress.on(step(400, 400, 3, 0.5));
      terminal.write(out.toString().substring(out.toString().lastIndexOf('\r')));
      assertEquals(
          "step 400/400  loss 3.0000  0s left  200 tokens/s",
          terminal.text().get(terminal.text().size() - 2));
    }
  }

  @Test
  void aRunThatEndsEarlyLeavesNoBlock() {
    StringWriter out = new StringWriter();
    TrainingProgress progress = progress(out, 80, () -> 0);
    progress.on(new TrainingEvent.Started(400, 0, 1000, 100_000));
    progress.on(step(1, 400, 4, 0.5));
    progress.on(new TrainingEvent.Trained(1));
    progress.on(new TrainingEvent.Note("memory: enough"));
    TerminalEmulator terminal = new TerminalEmulator(24, 80);
    terminal.write(out.toString());
    assertEquals(
        List.of("training 1,000 of 100,000 parameters (1.00 %) in 400 steps", "memory: enough", ""),
        terminal.text());
  }

  @Test
  void evaluationsAndWarningsStay() {
    StringWriter out = new StringWriter();
    TrainingProgress progress = progress(out, 80, () -> 0);
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

  /// @param columns 0 for no terminal
  private static TrainingProgress progress(StringWriter out, int columns, LongSupplier clock) {
    Supplier<Optional<TerminalSize>> size = () -> Optional.of(new TerminalSize(24, columns));
    Screen screen = columns == 0 ? Screen.none() : new Screen(size, size, Screen.Ability.BLOCK);
    return new TrainingProgress(
        new ProgressLine(new PrintWriter(out), screen, clock),
        () -> Optional.of(new ProcessMemory(1 << 29, 1 << 28, 1 << 27, 1 << 27)));
  }

  private static TrainingEvent.StepDone step(int step, int steps, double loss, double seconds) {
    return new TrainingEvent.StepDone(
        step, steps, 1, loss, 1e-4, 1, 90, 100, seconds, OptionalDouble.empty(), Map.of());
  }

  private static String run(int columns, int steps, double seconds) {
    StringWriter out = new StringWriter();
    AtomicLong time = new AtomicLong();
    TrainingProgress progress = progress(out, columns, time::get);
    progress.on(new TrainingEvent.Started(steps, 0, 1000, 100_000));
    for (int step = 1; step <= steps; step++) {
      time.addAndGet(Math.round(seconds * 1e9));
      progress.on(step(step, steps, 4 - (double) step / steps, seconds));
    }
    return out.toString();
  }
}
