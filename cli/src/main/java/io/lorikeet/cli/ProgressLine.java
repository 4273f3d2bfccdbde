package io.lorikeet.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Output of a command that takes a while: lines that stay, and what passes. On a terminal that is
/// one last line that is written over, or a block of them; elsewhere it is a line now and then.
final class ProgressLine {
  /// Without a terminal, what passes is printed when nothing else was for this long.
  private static final long LONGEST_SILENCE = 60_000_000_000L;

  private final PrintWriter out;
  private final Screen screen;
  private final LongSupplier clock;
  private boolean quiet;
  private long lastLine;

  /// @param clock as [System#nanoTime]
  ProgressLine(PrintWriter out, Screen screen, LongSupplier clock) {
    this.out = out;
    this.screen = screen;
    this.clock = clock;
    lastLine = clock.getAsLong();
  }

  /// Of a command, on its standard output. Where it prints JSON, nothing passes there: the output
  /// is for programs.
  static ProgressLine of(CommandSpec command) {
    ProgressLine line =
        new ProgressLine(
            command.commandLine().getOut(), Main.of(command).screen(), System::nanoTime);
    OptionSpec json = command.findOption("--json");
    line.quiet = json != null && Boolean.TRUE.equals(json.getValue());
    return line;
  }

  /// Whether what passes is written over.
  boolean isTerminal() {
    return screen.hasPassingLine();
  }

  /// Whether [#update(IntFunction)] can be used now; the terminal's size may change.
  boolean hasBlock() {
    return !quiet && screen.hasBlock();
  }

  /// Shows a block of lines, below all lines that are printed until the next update or [#clear].
  ///
  /// @param block its lines for a width in columns
  void update(IntFunction<List<String>> block) {
    screen.pass(out, block);
  }

  /// Shows what passes. As many of the parts as fit, the most important first.
  void update(String... parts) {
    if (quiet) {
      return;
    }
    if (isTerminal()) {
      screen.pass(out, fitting(screen.width().orElse(Integer.MAX_VALUE) - 1, parts));
    } else if (clock.getAsLong() - lastLine >= LONGEST_SILENCE) {
      println(String.join("  ", parts));
    }
  }

  /// As many parts as fit into a width, the first in any case.
  static String fitting(int width, String... parts) {
    StringBuilder text = new StringBuilder(parts[0]);
    for (int i = 1; i < parts.length; i++) {
      if (DisplayText.columns(text + "  " + parts[i]) > width) {
        break;
      }
      text.append("  ").append(parts[i]);
    }
    return text.toString();
  }

  /// Prints a line that stays, exactly as it is: a row of a table, a command to be pasted.
  void println(String text) {
    screen.above(
        () -> {
          out.println(text);
          out.flush();
        });
    lastLine = clock.getAsLong();
  }

  /// Prints a sentence that stays, broken at words where the terminal is narrower.
  void sentence(String text) {
    DisplayText.wrap(text, screen.width().orElse(Integer.MAX_VALUE)).forEach(this::println);
  }

  /// Takes away what passes.
  void clear() {
    screen.clear();
  }
}
