package io.lorikeet.train.data.files;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How the cells of a table are divided, seen from its first rows.
///
/// @param separator stands between cells
/// @param declared whether the first row says so and nothing else, as Excel reads it: `sep=;`
record TableDialect(char separator, boolean declared) {
  private static final Pattern DECLARATION =
      Pattern.compile("(?i)\"?sep=([^\\r\\n])\"?\\r?(\\n|$)");
  private static final String MARK = "\u00EF\u00BB\u00BF"; // a byte order mark's bytes

  /// Looks at a table.
  ///
  /// @param start its first bytes
  /// @param tabs whether its name says that tabs divide it
  static TableDialect of(byte[] start, boolean tabs) {
    String text = new String(start, StandardCharsets.ISO_8859_1);
    text = text.startsWith(MARK) ? text.substring(MARK.length()) : text;
    Matcher declaration = DECLARATION.matcher(text);
    if (declaration.lookingAt()) {
      return new TableDialect(declaration.group(1).charAt(0), true);
    }
    return new TableDialect(tabs ? '\t' : likeliest(text), false);
  }

  /// The separator that stands equally often in all rows, or else in the header; most often a
  /// comma. Programs put a cell in quotes for the separator alone, so that others stand in it bare.
  private static char likeliest(String text) {
    char inHeader = 0;
    for (char candidate : new char[] {',', ';', '\t'}) {
      List<Integer> counts = counts(text, candidate);
      if (counts.getFirst() > 0) {
        if (counts.stream().distinct().count() == 1) {
          return candidate;
        }
        inHeader = inHeader == 0 ? candidate : inHeader;
      }
    }
    return inHeader == 0 ? ',' : inHeader;
  }

  /// Separators outside of quotes, row by row; -1 of a row with a quote where none can be. A last
  /// row that may go on counts only if there is no other.
  private static List<Integer> counts(String text, char separator) {
    List<Integer> counts = new ArrayList<>();
    int count = 0;
    boolean possible = true;
    boolean quoted = false;
    char before = '\n';
    for (int i = 0; i < text.length(); i++) {
      char next = text.charAt(i);
      if (quoted) {
        quoted = next != '"'; // of two, the second opens the cell again
      } else if (next == '"') {
        quoted = true;
        possible &= before == separator || before == '\n' || before == '"';
      } else if (next == '\n') {
        if (before != '\n') {
          counts.add(possible ? count : -1);
        }
        count = 0;
        possible = true;
      } else {
        count += next == separator ? 1 : 0;
        possible &= before != '"' || next == separator || next == '\r';
      }
      before = next == '\r' ? before : next;
    }
    if (counts.isEmpty()) {
      counts.add(possible ? count : -1);
    }
    return counts;
  }
}
