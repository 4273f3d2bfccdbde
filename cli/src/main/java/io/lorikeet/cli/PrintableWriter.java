package io.lorikeet.cli;

import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import java.util.Locale;

/// Shows control characters as `\u001b` and so on, whatever wrote them: names, keys and texts come
/// from files of strangers, and a terminal would obey them. Line ends, tabs and Lorikeet's own
/// colours pass; all else that steers the terminal goes by [#control].
final class PrintableWriter extends PrintWriter {
  static final String GREEN = "\u001b[32m";
  static final String INVERSE = "\u001b[7m";
  static final String PLAIN = "\u001b[0m";

  private static final List<String> PASSING = List.of(GREEN, INVERSE, PLAIN, "\r\n");

  private final PrintWriter raw;

  /// @param raw gets the text at once
  PrintableWriter(PrintWriter raw) {
    super(new PrintableFilter(raw), true);
    this.raw = raw;
  }

  /// Writes a sequence that steers the terminal, which no file had a part in.
  static void control(PrintWriter out, String sequence) {
    (out instanceof PrintableWriter printable ? printable.raw : out).print(sequence);
  }

  private static final class PrintableFilter extends FilterWriter {
    PrintableFilter(Writer out) {
      super(out);
    }

    @Override
    public void write(int character) throws IOException {
      write(Character.toString(character));
    }

    @Override
    public void write(char[] text, int from, int count) throws IOException {
      write(new String(text, from, count));
    }

    @Override
    public void write(String text, int from, int count) throws IOException {
      out.write(printable(text.substring(from, from + count)));
    }
  }

  private static String printable(String text) {
    if (text.chars().noneMatch(PrintableWriter::isControl)) {
      return text;
    }
    StringBuilder shown = new StringBuilder(text.length() + 16);
    for (int at = 0; at < text.length(); at++) {
      char next = text.charAt(at);
      int place = at;
      String passing =
          isControl(next)
              ? PASSING.stream().filter(own -> text.startsWith(own, place)).findFirst().orElse("")
              : String.valueOf(next);
      if (passing.isEmpty()) {
        shown.append(String.format(Locale.ROOT, "\\u%04x", (int) next));
      } else {
        shown.append(passing);
        at += passing.length() - 1;
      }
    }
    return shown.toString();
  }

  private static boolean isControl(int character) {
    return Character.isISOControl(character) && character != '\n' && character != '\t';
  }
}
