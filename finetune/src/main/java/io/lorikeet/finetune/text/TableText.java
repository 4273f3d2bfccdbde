package io.lorikeet.finetune.text;

import java.util.ArrayList;
import java.util.List;

/// Lays out a table of words and figures in columns as wide as they need.
public final class TableText {
  private final List<List<String>> rows = new ArrayList<>();

  /// @param headings of the columns; the first column is aligned to the left, the others to the
  ///     right
  public TableText(String... headings) {
    rows.add(List.of(headings));
  }

  public TableText(List<String> headings) {
    rows.add(List.copyOf(headings));
  }

  /// Adds a row of as many cells as there are headings.
  public void row(List<String> cells) {
    rows.add(List.copyOf(cells));
  }

  public void row(String... cells) {
    row(List.of(cells));
  }

  /// The table, each line indented by two spaces.
  public List<String> lines() {
    int[] widths = widths(rows);
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder(" ");
      for (int i = 0; i < widths.length; i++) {
        String padding = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? " " : "  ");
        line.append(i == 0 ? row.get(i) + padding : padding + row.get(i));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  /// The length of the longest cell of each column.
  public static int[] widths(List<List<String>> rows) {
    int[] widths = new int[rows.getFirst().size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    return widths;
  }
}
