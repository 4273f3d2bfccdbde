package io.lorikeet.train.data.files;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Problems in files of examples: counts all and keeps the first twenty.
final class LineProblems {
  private static final int SHOWN = 20;

  private final List<String> shown = new ArrayList<>();
  private int count;

  void add(SourceLine place, String text) {
    addText(place + ": " + text);
  }

  /// A problem of a whole file.
  void add(String file, String text) {
    addText(file + ": " + text);
  }

  private void addText(String text) {
    count++;
    if (shown.size() < SHOWN) {
      shown.add(text);
    }
  }

  int count() {
    return count;
  }

  @Override
  public String toString() {
    String lines = String.join("\n", shown);
    int more = count - shown.size();
    return more == 0 ? lines : lines + String.format(Locale.ROOT, "\n… and %,d more", more);
  }
}
