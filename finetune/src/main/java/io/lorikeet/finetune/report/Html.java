package io.lorikeet.finetune.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Text as HTML. Names, settings and all else that comes from files goes through [#text].
final class Html {

  private Html() {}

  /// Text that is shown as it is, whatever is in it. Characters that control a terminal or turn the
  /// direction of writing are shown as a replacement character.
  static String text(String any) {
    StringBuilder escaped = new StringBuilder(any.length() + 16);
    any.codePoints()
        .forEach(
            point -> {
              switch (point) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                case '\n', '\t' -> escaped.appendCodePoint(point);
                default -> escaped.appendCodePoint(isShown(point) ? point : 0xFFFD);
              }
            });
    return escaped.toString();
  }

  private static boolean isShown(int point) {
    int type = Character.getType(point);
    boolean turnsDirection =
        point == 0x200E
            || point == 0x200F
            || (point >= 0x202A && point <= 0x202E)
            || (point >= 0x2066 && point <= 0x2069);
    return type != Character.CONTROL && type != Character.SURROGATE && !turnsDirection;
  }

  /// A page that needs nothing else: its style and its script are in it.
  ///
  /// @param title as text
  /// @param body as HTML
  static String page(String title, String body) throws IOException {
    return "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        + "<meta name=viewport content='width=device-width, initial-scale=1'>\n<title>"
        + text(title)
        + "</title>\n<style>\n"
        + resource("report.css")
        + "</style></head>\n<body>\n<h1>"
        + text(title)
        + "</h1>\n"
        + body
        + "<script>\n"
        + resource("report.js")
        + "</script>\n</body></html>\n";
  }

  /// The text of one of the page's own files.
  static String resource(String name) throws IOException {
    try (InputStream in = Html.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException("the program's own file " + name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /// A table with a row of headers.
  ///
  /// @param rows of texts, each as long as the headers
  static String table(List<String> headers, List<List<String>> rows) {
    StringBuilder table = new StringBuilder("<div class=scroll><table><thead><tr>");
    headers.forEach(h -> table.append("<th scope=col>").append(text(h)).append("</th>"));
    table.append("</tr></thead><tbody>\n");
    for (List<String> row : rows) {
      table.append("<tr>");
      row.forEach(cell -> table.append("<td>").append(text(cell)).append("</td>"));
      table.append("</tr>\n");
    }
    return table.append("</tbody></table></div>\n").toString();
  }

  /// Names with their values.
  static String pairs(List<List<String>> rows) {
    StringBuilder list = new StringBuilder("<dl>\n");
    for (List<String> row : rows) {
      list.append("<div><dt>").append(text(row.get(0))).append("</dt><dd>");
      list.append(text(row.get(1))).append("</dd></div>\n");
    }
    return list.append("</dl>\n").toString();
  }

  /// A list of sentences; nothing where there are none.
  static String sentences(List<String> sentences) {
    if (sentences.isEmpty()) {
      return "";
    }
    StringBuilder list = new StringBuilder("<ul>\n");
    sentences.forEach(s -> list.append("<li>").append(text(s)).append("</li>\n"));
    return list.append("</ul>\n").toString();
  }
}
