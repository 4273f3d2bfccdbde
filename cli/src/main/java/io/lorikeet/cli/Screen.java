package io.lorikeet.cli;

import io.lorikeet.cli.terminal.TerminalSize;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The terminal that a person watches while a command runs, if there is one. Its last lines may be
/// passing ones, which are written over: whatever else is printed has to come after they are gone.
/// A single passing line is then gone for good, and a block comes back below.
final class Screen {
  private static final int USUAL_WIDTH = 80;
  private static final String BEGIN_OF_LINE = "\r";
  private static final String CLEAR_TO_END = "\u001b[J";

  /// A block needs this much room: below, it would wrap, or push all else off the screen.
  private static final TerminalSize LEAST_OF_BLOCK = new TerminalSize(10, 60);

  /// The things that a terminal understands.
  enum Ability {
    /// Nothing but text, as with `TERM=dumb`.
    TEXT,
    /// One line that is written over: somebody asked for little by `NO_COLOR`.
    LINE,
    /// Several.
    BLOCK
  }

  private final Supplier<Optional<TerminalSize>> out;
  private final Supplier<Optional<TerminalSize>> err;
  private final Ability ability;
  private @Nullable PrintWriter passingOut;
  private @Nullable PassingBlock block;
  private List<Integer> passingColumns = List.of();
  private boolean ended;
  private boolean closed;

  /// Lines that come back below whatever is printed.
  ///
  /// @param lines for a width in columns
  private record PassingBlock(PrintWriter writer, IntFunction<List<String>> lines) {}

  /// @param out size of the terminal of standard output, see [TerminalSize#of]
  /// @param err that of standard error's
  Screen(
      Supplier<Optional<TerminalSize>> out, Supplier<Optional<TerminalSize>> err, Ability ability) {
    this.out = out;
    this.err = err;
    this.ability = ability;
  }

  /// Of this process.
  static Screen ofProcess() {
    String terminal = System.getenv().getOrDefault("TERM", "dumb");
    boolean dumb = terminal.isEmpty() || terminal.equals("dumb");
    boolean plain = !System.getenv().getOrDefault("NO_COLOR", "").isEmpty();
    return new Screen(
        () -> TerminalSize.of(TerminalSize.OUT),
        () -> TerminalSize.of(TerminalSize.ERR),
        dumb ? Ability.TEXT : plain ? Ability.LINE : Ability.BLOCK);
  }

  /// Where nobody watches.
  static Screen none() {
    return new Screen(Optional::empty, Optional::empty, Ability.TEXT);
  }

  /// Whether a line of standard output can be written over.
  boolean hasPassingLine() {
    return ability != Ability.TEXT && out.get().isPresent();
  }

  /// Whether there is room for a block of lines. Not after Ctrl-C, when the process is ending.
  synchronized boolean hasBlock() {
    return ability == Ability.BLOCK
        && !ended
        && out.get()
            .filter(size -> size.columns() == 0 || size.columns() >= LEAST_OF_BLOCK.columns())
            .filter(size -> size.rows() == 0 || size.rows() >= LEAST_OF_BLOCK.rows())
            .isPresent();
  }

  /// The width in columns at which sentences on standard output are broken; empty where they are
  /// not.
  OptionalInt width() {
    return width(out.get());
  }

  /// The same for standard error.
  OptionalInt errorWidth() {
    return width(err.get());
  }

  private static OptionalInt width(Optional<TerminalSize> size) {
    if (size.isEmpty()) {
      return OptionalInt.empty();
    }
    if (size.get().columns() > 0) {
      return OptionalInt.of(size.get().columns());
    }
    String told = System.getenv().getOrDefault("COLUMNS", "");
    return OptionalInt.of(told.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(told) : USUAL_WIDTH);
  }

  private int columns() {
    return width().orElse(USUAL_WIDTH);
  }

  /// Shows a text in the last line, in place of what passed there. It leaves the last column free,
  /// where terminals differ.
  synchronized void pass(PrintWriter writer, String text) {
    block = null;
    show(writer, List.of(text));
  }

  /// Shows a block of lines in place of what passed there.
  ///
  /// @param lines the block for a width in columns
  synchronized void pass(PrintWriter writer, IntFunction<List<String>> lines) {
    block = new PassingBlock(writer, lines);
    showBlock();
  }

  private void showBlock() {
    if (block != null) {
      show(block.writer(), block.lines().apply(columns() - 1));
    }
  }

  private void show(PrintWriter writer, List<String> lines) {
    if (closed) {
      return;
    }
    List<String> shown = lines.stream().map(line -> DisplayText.fit(line, columns() - 1)).toList();
    PrintableWriter.control(writer, removal());
    writer.print(String.join(System.lineSeparator(), shown));
    writer.flush();
    passingOut = writer;
    passingColumns = shown.stream().map(DisplayText::columns).toList();
  }

  /// Takes away what passes.
  synchronized void clear() {
    block = null;
    remove();
  }

  /// Does what prints lines that stay, above a block if there is one.
  synchronized void above(Runnable print) {
    remove();
    print.run();
    showBlock();
  }

  private void remove() {
    if (passingOut != null) {
      PrintableWriter.control(passingOut, removal());
      passingOut.flush();
      passingOut = null;
    }
  }

  /// The control characters that remove what passes. Where the terminal has become narrower since,
  /// its lines take several rows each: most terminals break them anew.
  private String removal() {
    if (passingOut == null) {
      return "";
    }
    int width = Math.max(1, columns());
    int rows = passingColumns.stream().mapToInt(c -> 1 + Math.max(0, c - 1) / width).sum();
    String up = rows == 1 ? "" : "\u001b[" + (rows - 1) + "A";
    return BEGIN_OF_LINE + up + CLEAR_TO_END;
  }

  /// Leaves what passes as it is, and goes to the next line. No block comes any more.
  ///
  /// @return whether there was anything
  synchronized boolean endLine() {
    ended = true;
    block = null;
    if (passingOut == null) {
      return false;
    }
    passingOut.println();
    passingOut.flush();
    passingOut = null;
    return true;
  }

  /// From now on nothing is shown in passing any more: the process ends while threads go on.
  synchronized void close() {
    closed = true;
  }

  /// A stream on the same terminal, for which what passes makes way. A block comes back after a
  /// whole line.
  PrintStream beside(PrintStream stream) {
    OutputStream polite =
        new FilterOutputStream(stream) {
          @Override
          public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
          }

          @Override
          public void write(byte[] bytes, int offset, int length) throws IOException {
            synchronized (Screen.this) {
              remove();
              out.write(bytes, offset, length);
              if (length > 0 && bytes[offset + length - 1] == '\n') {
                out.flush();
                showBlock();
              }
            }
          }
        };
    return new PrintStream(polite, true, stream.charset());
  }
}
