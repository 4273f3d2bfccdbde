package io.lorikeet.cli;

import java.io.Console;
import java.io.PrintWriter;

/// Output of a command that takes a while: lines that stay, and on a terminal one last line that is
/// written over.
final class ProgressLine {
  /// So that a line that is written over doesn't wrap on the narrowest usual terminal.
  private static final int WIDTH = 79;

  private final PrintWriter out;
  private final boolean terminal;
  private boolean pending;

  ProgressLine(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /// Whether what the process writes is read by a person while it is written.
  static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  boolean isTerminal() {
    return terminal;
  }

  /// Shows passing text in the last line of a terminal; elsewhere nothing.
  void update(String text) {
    if (terminal) {
      String shown = text.length() > WIDTH ? text.substring(0, WIDTH) : text;
      out.print("\r" + shown + "\u001b[K");
      out.flush();
      pending = true;
    }
  }

  /// Prints a line that stays.
  void println(String text) {
    clear();
    out.println(text);
    out.flush();
  }

  /// Takes passing text away.
  void clear() {
    if (pending) {
      out.print("\r\u001b[K");
      out.flush();
      pending = false;
    }
  }
}
