package io.lorikeet.cli;

import io.lorikeet.cli.terminal.TerminalSize;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The terminal that a person watches while a command runs, if there is one. Its last line may be a
/// passing one, which is written over: whatever else is printed has to come after it is gone.
final class Screen {
  private static final int USUAL_WIDTH = 80;
  private static final String BEGIN_OF_LINE = "\r";
  private static final String CLEAR_TO_END = "\u001b[J";

  private final Supplier<OptionalInt> outColumns;
  private final Supplier<OptionalInt> errColumns;
  private final boolean dumb;
  private @Nullable PrintWriter passingOut;
  private int passingColumns;
  private boolean closed;

  /// @param outColumns columns of standard output, see [TerminalSize#columns]
  /// @param errColumns columns of standard error
  /// @param dumb whether it understands nothing but text
  Screen(Supplier<OptionalInt> outColumns, Supplier<OptionalInt> errColumns, boolean dumb) {
    this.outColumns = outColumns;
    this.errColumns = errColumns;
    this.dumb = dumb;
  }

  /// Of this process.
  static Screen ofProcess() {
    String terminal = System.getenv().getOrDefault("TERM", "dumb");
    return new Screen(
        () -> TerminalSize.columns(TerminalSize.OUT),
        () -> TerminalSize.columns(TerminalSize.ERR),
        terminal.isEmpty() || terminal.equals("dumb"));
  }

  /// Where nobody watches.
  static Screen none() {
    return new Screen(OptionalInt::empty, OptionalInt::empty, true);
  }

  /// Whether a line of standard output can be written over.
  boolean hasPassingLine() {
    return !dumb && outColumns.get().isPresent();
  }

  /// The width in columns at which sentences on standard output are broken; empty where they are
  /// not.
  OptionalInt width() {
    return width(outColumns.get());
  }

  /// The same for standard error.
  OptionalInt errorWidth() {
    return width(errColumns.get());
  }

  private static OptionalInt width(OptionalInt columns) {
    if (columns.isEmpty() || columns.getAsInt() > 0) {
      return columns;
    }
    String told = System.getenv().getOrDefault("COLUMNS", "");
    return OptionalInt.of(told.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(told) : USUAL_WIDTH);
  }

  /// Shows a text in the last line, in place of the one that was there. It leaves the last column
  /// free, where terminals differ.
  synchronized void pass(PrintWriter out, String text) {
    if (closed) {
      return;
    }
    String shown = DisplayText.fit(text, width().orElse(USUAL_WIDTH) - 1);
    PrintableWriter.control(out, removal());
    out.print(shown);
    out.flush();
    passingOut = out;
    passingColumns = DisplayText.columns(shown);
  }

  /// Takes the passing line away.
  synchronized void clear() {
    if (passingOut != null) {
      PrintableWriter.control(passingOut, removal());
      passingOut.flush();
      passingOut = null;
    }
  }

  /// The control characters that remove the passing line. Where the terminal has become narrower
  /// since, it takes several rows.
  private String removal() {
    if (passingOut == null) {
      return "";
    }
    int width = Math.max(1, width().orElse(USUAL_WIDTH));
    int rowsAbove = Math.max(0, passingColumns - 1) / width;
    String up = rowsAbove == 0 ? "" : "\u001b[" + rowsAbove + "A";
    return BEGIN_OF_LINE + up + CLEAR_TO_END;
  }

  /// Leaves the passing line as it is, and goes to the next.
  ///
  /// @return whether there was one
  synchronized boolean endLine() {
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

  /// A stream on the same terminal, for which the passing line makes way.
  PrintStream beside(PrintStream stream) {
    OutputStream polite =
        new FilterOutputStream(stream) {
          @Override
          public void write(int b) throws IOException {
            clear();
            out.write(b);
          }

          @Override
          public void write(byte[] bytes, int offset, int length) throws IOException {
            clear();
            out.write(bytes, offset, length);
          }
        };
    return new PrintStream(polite, true, stream.charset());
  }
}
