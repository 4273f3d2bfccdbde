package io.lorikeet.train.data;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Where the thoughts end in a text that an assistant writes.
final class Thoughts {
  private static final Pattern OPENING = Pattern.compile("\\s*(<think>|\\[THINK])");
  private static final Pattern CLOSING = Pattern.compile("(</think>|\\[/THINK])\\s*");

  /// A marker that a template writes behind thoughts, such as `</think>` or `<|end|>`.
  private static final Pattern MARKER = Pattern.compile("\\s*(<[^<>\n]*>|\\[/[^]\n]*])\\s*");

  private Thoughts() {}

  /// The length of the thoughts with the marker and the spaces that end them; 0 where there are
  /// none.
  ///
  /// @param written all that the assistant writes
  /// @param prompt all before it
  /// @param given the thoughts, where the data has them apart from the answer
  static int end(String written, String prompt, Optional<String> given) {
    String apart = given.map(String::strip).orElse("");
    int at = apart.isEmpty() ? -1 : written.indexOf(apart);
    if (at >= 0) {
      int end = at + apart.length();
      Matcher marker = MARKER.matcher(written).region(end, written.length());
      return marker.lookingAt() ? marker.end() : end;
    }
    Matcher opening = OPENING.matcher(written);
    String before = prompt.stripTrailing();
    boolean opened = before.endsWith("<think>") || before.endsWith("[THINK]");
    int from = opening.lookingAt() ? opening.end() : 0;
    Matcher closing = CLOSING.matcher(written);
    return (from > 0 || opened) && closing.find(from) ? closing.end() : 0;
  }

  /// Whether thoughts, with the marker that ends them, are nothing but markers.
  static boolean isEmpty(String thoughts) {
    String without = OPENING.matcher(thoughts).replaceFirst("");
    return CLOSING.matcher(without).replaceFirst("").isBlank();
  }
}
