package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;

/// A terminal of some rows and columns, as far as the program makes use of one. Like most of them
/// it breaks long lines, scrolls, and breaks lines anew when its width changes.
final class TerminalEmulator {
  private static final char ESCAPE = '\u001b';

  private final int rows;
  private int columns;
  private final List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
  private final List<Boolean> continued = new ArrayList<>(List.of(false)); // by the line below
  private int row;
  private int column;

  TerminalEmulator(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
  }

  int rows() {
    return rows;
  }

  int columns() {
    return columns;
  }

  /// Everything that was shown and wasn't removed, above the screen as well.
  List<String> text() {
    return lines.stream().map(line -> line.toString().stripTrailing()).toList();
  }

  /// The row that the cursor is in, of [#text].
  int row() {
    return row;
  }

  void write(String output) {
    for (int at = 0; at < output.length(); at++) {
      char next = output.charAt(at);
      switch (next) {
        case '\n' -> {
          continued.set(row, false);
          down();
          column = 0; // as the terminal's driver adds a carriage return
        }
        case '\r' -> column = 0;
        case ESCAPE -> at = obey(output, at + 2);
        default -> put(next);
      }
    }
  }

  private int obey(String output, int from) {
    int end = from;
    while (Character.isDigit(output.charAt(end))) {
      end++;
    }
    switch (output.charAt(end)) {
      case 'A' -> up(Integer.parseInt(output.substring(from, end)));
      case 'J' -> clearToEnd();
      case 'm' -> {}
      default -> throw new IllegalArgumentException("unknown: " + output.substring(from, end + 1));
    }
    return end;
  }

  private void up(int count) {
    int first = Math.max(0, lines.size() - rows); // the top of the screen
    row = Math.max(first, row - count);
  }

  private void clearToEnd() {
    lines.get(row).setLength(Math.min(column, lines.get(row).length()));
    continued.set(row, false);
    while (lines.size() > row + 1) {
      lines.removeLast();
      continued.removeLast();
    }
  }

  private void down() {
    row++;
    if (row == lines.size()) {
      lines.add(new StringBuilder());
      continued.add(false);
    }
  }

  private void put(char character) {
    if (column == columns) {
      continued.set(row, true);
      down();
      column = 0;
    }
    StringBuilder line = lines.get(row);
    while (line.length() < column) {
      line.append(' ');
    }
    line.replace(column, Math.min(column + 1, line.length()), String.valueOf(character));
    column++;
  }

  /// Changes the width. The cursor stays behind the last character, where the program leaves it.
  void resize(int newColumns) {
    List<StringBuilder> whole = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (i > 0 && continued.get(i - 1)) {
        whole.getLast().append(lines.get(i));
      } else {
        whole.add(new StringBuilder(lines.get(i)));
      }
    }
    columns = newColumns;
    lines.clear();
    continued.clear();
    for (StringBuilder line : whole) {
      int from = 0;
      do {
        int to = Math.min(line.length(), from + columns);
        lines.add(new StringBuilder(line.substring(from, to)));
        continued.add(to < line.length());
        from = to;
      } while (from < line.length());
    }
    row = lines.size() - 1;
    column = lines.getLast().length();
  }
}
