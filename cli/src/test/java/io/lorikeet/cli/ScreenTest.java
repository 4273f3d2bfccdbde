package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.ByteArrayOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/// Both streams of a terminal go into the same bytes here, as they do on a terminal.
class ScreenTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintWriter out =
      new PrintWriter(new OutputStreamWriter(bytes, StandardCharsets.UTF_8), true);
  private final AtomicInteger columns = new AtomicInteger(20);
  private final AtomicLong clock = new AtomicLong();

  private Screen screen(boolean dumb) {
    return new Screen(
        () -> OptionalInt.of(columns.get()), () -> OptionalInt.of(columns.get()), dumb);
  }

  private String shown() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void thePassingLineLeavesOneColumnFree() {
    ProgressLine line = new ProgressLine(out, screen(false), clock::get);
    line.update("tensor 1 of 9  blk.0.attn_q.weight");
    line.update("日本語日本語日本語日本語");
    assertEquals("tensor 1 of 9  blk…\r\u001b[J日本語日本語日本語…", shown());
  }

  @Test
  void partsThatDontFitAreLeftOut() {
    ProgressLine line = new ProgressLine(out, screen(false), clock::get);
    line.update("step 1/9", "loss 1.25", "3s left");
    columns.set(30);
    line.update("step 2/9", "loss 1.25", "3s left");
    line.clear();
    assertEquals("step 1/9  loss 1.25\r\u001b[Jstep 2/9  loss 1.25  3s left\r\u001b[J", shown());
  }

  @Test
  void aLineThatANarrowerTerminalHasWrappedIsRemovedWhole() {
    ProgressLine line = new ProgressLine(out, screen(false), clock::get);
    line.update("1234567890123456789");
    columns.set(8);
    line.println("x");
    assertEquals("1234567890123456789\r\u001b[2A\u001b[Jx\n", shown());
  }

  @Test
  void standardErrorComesOnALineOfItsOwn() {
    Screen screen = screen(false);
    ProgressLine line = new ProgressLine(out, screen, clock::get);
    PrintStream err = screen.beside(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    line.update("step 1");
    err.println("WARN é");
    line.update("step 2");
    screen.endLine();
    err.println("interrupted");
    screen.close();
    line.update("step 3");
    assertEquals("step 1\r\u001b[JWARN é\nstep 2\ninterrupted\n", shown());
  }

  @Test
  void whereNothingCanBeWrittenOverALineEachMinute() {
    Screen dumb = screen(true);
    ProgressLine line = new ProgressLine(out, dumb, clock::get);
    assertFalse(line.isTerminal());
    for (int second = 1; second <= 130; second++) {
      clock.addAndGet(1_000_000_000L);
      line.update("tensor", String.valueOf(second));
    }
    assertEquals("tensor  60\ntensor  120\n", shown());
  }

  @Test
  void sentencesAreBroken() {
    new ProgressLine(out, screen(false), clock::get).sentence("warning: two lines were cut");
    assertEquals("warning: two lines\n  were cut\n", shown());
  }
}
