package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.cli.terminal.TerminalSize;
import java.io.ByteArrayOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
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
    return screen(24, dumb ? Screen.Ability.TEXT : Screen.Ability.BLOCK);
  }

  private Screen screen(int rows, Screen.Ability ability) {
    return new Screen(
        () -> Optional.of(new TerminalSize(rows, columns.get())),
        () -> Optional.of(new TerminalSize(rows, columns.get())),
        ability);
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

  @Test
  void aBlockStaysBelowAllLinesOfBothStreams() {
    columns.set(70);
    Screen screen = screen(24, Screen.Ability.BLOCK);
    ProgressLine line = new ProgressLine(out, screen, clock::get);
    PrintStream err = screen.beside(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    line.println("first");
    line.update(_ -> List.of("bar 1", "loss 1"));
    line.println("a line");
    assertEquals(List.of("first", "a line", "bar 1", "loss 1"), onScreen(70).text());
    err.print("WARN ");
    err.println("é");
    assertEquals(List.of("first", "a line", "WARN é", "bar 1", "loss 1"), onScreen(70).text());
    line.update(_ -> List.of("bar 2", "loss 2", "validation"));
    line.update(_ -> List.of("bar 3", "loss 3"));
    assertEquals(List.of("first", "a line", "WARN é", "bar 3", "loss 3"), onScreen(70).text());
    line.clear();
    line.println("last");
    assertEquals(List.of("first", "a line", "WARN é", "last", ""), onScreen(70).text());
  }

  @Test
  void anInterruptedBlockIsLeftAsItIs() {
    columns.set(70);
    Screen screen = screen(24, Screen.Ability.BLOCK);
    ProgressLine line = new ProgressLine(out, screen, clock::get);
    line.update(_ -> List.of("bar 1", "loss 1"));
    assertTrue(screen.endLine());
    assertFalse(line.hasBlock());
    line.println("interrupted");
    assertEquals(List.of("bar 1", "loss 1", "interrupted", ""), onScreen(70).text());
  }

  @Test
  void aBlockIsRemovedWholeAfterTheWidthChanges() {
    columns.set(100);
    TerminalEmulator terminal = new TerminalEmulator(24, 100);
    ProgressLine line = new ProgressLine(out, screen(24, Screen.Ability.BLOCK), clock::get);
    line.println("first");
    line.update(width -> List.of("=".repeat(width), "loss"));
    shownOn(terminal);
    for (int width : new int[] {65, 40, 120, 70, 61}) {
      terminal.resize(width);
      columns.set(width);
      line.println("now " + width);
      line.update(room -> List.of("=".repeat(room), "loss"));
      shownOn(terminal);
      assertEquals("=".repeat(width - 1), terminal.text().get(terminal.text().size() - 2));
    }
    assertEquals(
        List.of("first", "now 65", "now 40", "now 120", "now 70", "now 61"),
        terminal.text().subList(0, 6));
    assertEquals(8, terminal.text().size(), terminal.text().toString());
  }

  @Test
  void aBlockNeedsRoomAndWish() {
    columns.set(80);
    assertTrue(screen(24, Screen.Ability.BLOCK).hasBlock());
    assertTrue(screen(0, Screen.Ability.BLOCK).hasBlock(), "of unknown height");
    assertFalse(screen(9, Screen.Ability.BLOCK).hasBlock());
    assertFalse(screen(24, Screen.Ability.LINE).hasBlock());
    assertTrue(screen(24, Screen.Ability.LINE).hasPassingLine());
    assertFalse(screen(24, Screen.Ability.TEXT).hasBlock());
    assertFalse(Screen.none().hasBlock());
    columns.set(40);
    assertFalse(screen(24, Screen.Ability.BLOCK).hasBlock());
  }

  private TerminalEmulator onScreen(int width) {
    TerminalEmulator terminal = new TerminalEmulator(24, width);
    terminal.write(shown());
    return terminal;
  }

  /// Writes to the terminal what was printed since the last call.
  private void shownOn(TerminalEmulator terminal) {
    terminal.write(shown());
    bytes.reset();
  }
}
