package io.lorikeet.models.text.template;

/// Finds a text in another. Java's own search takes time by the product of both lengths where the
/// searched text nearly matches again and again, and templates can make such texts. So long texts
/// are searched for by Knuth, Morris and Pratt's algorithm, in time by the sum of the lengths.
final class Search {
  private static final int SHORT = 64;

  private Search() {}

  /// The first place at which a part begins, from a place on; or -1.
  static int first(String text, String part, int from) {
    return part.length() <= SHORT ? text.indexOf(part, from) : place(text, part, from, false);
  }

  /// The last place at which a part begins; or -1.
  static int last(String text, String part) {
    if (part.length() <= SHORT) {
      return text.lastIndexOf(part);
    }
    int place = place(text, part, 0, true);
    return place < 0 ? -1 : text.length() - place - part.length();
  }

  /// @param reversed whether both are read from their ends; the place is counted from there too
  private static int place(String text, String part, int from, boolean reversed) {
    if (part.length() > text.length() - from) {
      return -1;
    }
    int[] border = new int[part.length()];
    for (int i = 1, length = 0; i < part.length(); i++) {
      while (length > 0 && at(part, i, reversed) != at(part, length, reversed)) {
        length = border[length - 1];
      }
      length += at(part, i, reversed) == at(part, length, reversed) ? 1 : 0;
      border[i] = length;
    }
    for (int i = from, length = 0; i < text.length(); i++) {
      while (length > 0 && at(text, i, reversed) != at(part, length, reversed)) {
        length = border[length - 1];
      }
      length += at(text, i, reversed) == at(part, length, reversed) ? 1 : 0;
      if (length == part.length()) {
        return i + 1 - length;
      }
    }
    return -1;
  }

  private static char at(String text, int place, boolean reversed) {
    return text.charAt(reversed ? text.length() - 1 - place : place);
  }
}
