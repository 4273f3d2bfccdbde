package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Text as a terminal shows it: in columns, of which some characters take two and some none.
final class DisplayText {
  private static final String MORE = "…";

  /// A word, what stands in quotation marks, or a command to be pasted at the end of a line.
  private static final Pattern WORD =
      Pattern.compile("(?<=: |  )(\\./)?lorikeet .*|(?<!\\S)'[^']+'\\S*|\\S+");

  /// The first column of a row, with the room behind it.
  private static final Pattern COLUMN = Pattern.compile("\\s*\\S+(?: \\S+)*\\s{2,}(?=\\S)");

  /// Columns that have to be left beside a row's first one; else it is broken like a sentence.
  private static final int LEAST_BESIDE = 20;

  private static final String INDENT = "  ";

  private DisplayText() {}

  /// Columns that a text takes.
  static int columns(String text) {
    return text.codePoints().map(DisplayText::columns).sum();
  }

  private static int columns(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
      default -> isWide(codePoint) ? 2 : 1;
    };
  }

  /// East Asian characters of full width, and pictures.
  private static boolean isWide(int codePoint) {
    if (codePoint < 0x1100) {
      return false;
    }
    return switch (Character.UnicodeScript.of(codePoint)) {
      case HAN, HIRAGANA, KATAKANA, HANGUL, BOPOMOFO, YI -> !isHalfWidth(codePoint);
      default ->
          Character.isEmojiPresentation(codePoint)
              || (codePoint >= 0x3000 && codePoint <= 0x303e)
              || (codePoint >= 0xff01 && codePoint <= 0xff60)
              || (codePoint >= 0xffe0 && codePoint <= 0xffe6);
    };
  }

  private static boolean isHalfWidth(int codePoint) {
    return codePoint >= 0xff61 && codePoint <= 0xffdc;
  }

  /// As much of a text as fits, with an ellipsis where something is missing. Control characters,
  /// which the terminal would obey, become question marks.
  static String fit(String text, int width) {
    String visible = text.replaceAll("\\p{Cntrl}", "?");
    if (columns(visible) <= width) {
      return visible;
    }
    StringBuilder fitting = new StringBuilder();
    int used = MORE.length();
    for (int codePoint : visible.codePoints().toArray()) {
      used += columns(codePoint);
      if (used > width) {
        break;
      }
      fitting.appendCodePoint(codePoint);
    }
    return width < 1 ? "" : fitting + MORE;
  }

  /// The lines of a text, broken at words where they are longer than a width. Lines after a break
  /// are indented; those of a row, such as `name    value`, to its second column. Words that are
  /// longer themselves, such as paths, stay whole, and so do commands and quoted texts.
  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      if (columns(line) <= width) {
        lines.add(line);
      } else {
        wrapLine(line, width, lines);
      }
    }
    return lines;
  }

  private static void wrapLine(String line, int width, List<String> lines) {
    String indent = line.substring(0, line.length() - line.stripLeading().length());
    Matcher column = COLUMN.matcher(line);
    boolean row = column.lookingAt() && columns(column.group()) + LEAST_BESIDE <= width;
    String first = row ? column.group() : indent;
    String further = row ? " ".repeat(columns(first)) : indent + INDENT;
    StringBuilder current = new StringBuilder(first);
    Matcher words =
        WORD.matcher(line).region(first.length(), line.length()).useTransparentBounds(true);
    boolean empty = true;
    while (words.find()) {
      String word = words.group();
      if (!empty && columns(current.toString()) + 1 + columns(word) > width) {
        lines.add(current.toString());
        current = new StringBuilder(further);
        empty = true;
      }
      current.append(empty ? "" : " ").append(word);
      empty = false;
    }
    lines.add(current.toString());
  }
}
