package io.lorikeet.cli;

import io.lorikeet.cli.Prose.Line;
import java.util.ArrayList;
import java.util.List;

/// Finds the comments of a Java source: each one with the lines that it is continued in. Slashes in
/// strings, characters and text blocks begin none.
final class JavaComments {
  private final List<List<Line>> comments = new ArrayList<>();
  private int lastOwnLine = -1;
  private boolean inTextBlock;
  private boolean inBlockComment;

  private JavaComments() {}

  /// All comments of a source, without their marks.
  static List<List<Line>> of(List<String> source) {
    JavaComments found = new JavaComments();
    for (int i = 0; i < source.size(); i++) {
      found.scan(i + 1, source.get(i));
    }
    return found.comments;
  }

  private void scan(int number, String line) {
    int at = 0;
    while (at < line.length()) {
      if (inBlockComment) {
        int end = line.indexOf("*/", at);
        String text = line.substring(at, end < 0 ? line.length() : end);
        comments.getLast().add(new Line(number, text.replaceFirst("^\\s*\\*+ ?", "")));
        inBlockComment = end < 0;
        at = end < 0 ? line.length() : end + 2;
      } else if (inTextBlock) {
        int end = line.indexOf("\"\"\"", at);
        inTextBlock = end < 0;
        at = end < 0 ? line.length() : end + 3;
      } else if (line.startsWith("\"\"\"", at)) {
        inTextBlock = true;
        at += 3;
      } else if (line.charAt(at) == '"' || line.charAt(at) == '\'') {
        at = endOfLiteral(line, at);
      } else if (line.startsWith("/*", at)) {
        comments.add(new ArrayList<>());
        inBlockComment = true;
        at += 2;
      } else if (line.startsWith("//", at)) {
        addLine(number, line, at);
        at = line.length();
      } else {
        at++;
      }
    }
  }

  /// @return place after a string or character
  private static int endOfLiteral(String line, int start) {
    int at = start + 1;
    while (at < line.length() && line.charAt(at) != line.charAt(start)) {
      at += line.charAt(at) == '\\' ? 2 : 1;
    }
    return at + 1;
  }

  private void addLine(int number, String line, int start) {
    boolean isOwn = line.substring(0, start).isBlank();
    if (!isOwn || lastOwnLine != number - 1) {
      comments.add(new ArrayList<>());
    }
    lastOwnLine = isOwn ? number : -1;
    comments.getLast().add(new Line(number, line.substring(start).replaceFirst("^///? ?", "")));
  }
}
