package io.lorikeet.models.text.template;

import java.util.Arrays;

/// A string that knows where each of its characters came from: from the template, or from what the
/// template was given. It is what makes exact masks possible: after any slicing, trimming, joining
/// and escaping, the rendering still tells a message's own characters from the template's.
///
/// Lengths and places count Java's characters. Equality is that of the characters alone.
final class Text implements Comparable<Text> {
  /// The origin of a template's own characters.
  static final int TEMPLATE = 0;

  static final Text EMPTY = new Text("", TEMPLATE, null, false);

  private final String characters;
  private final int origin; // of all characters, where `origins` is null
  private final int[] origins; // of each character, or null
  private final boolean markup;
  private int codePoints = -1; // once counted

  private Text(String characters, int origin, int[] origins, boolean markup) {
    this.characters = characters;
    this.origin = origin;
    this.origins = origins;
    this.markup = markup;
  }

  /// A text of the template.
  static Text of(String characters) {
    return new Text(characters, TEMPLATE, null, false);
  }

  /// A text that is all of one origin.
  static Text of(String characters, int origin) {
    return new Text(characters, origin, null, false);
  }

  /// @param origins of each character; kept, not copied
  static Text of(String characters, int[] origins, boolean markup) {
    return new Text(characters, TEMPLATE, origins, markup);
  }

  int length() {
    return characters.length();
  }

  /// The length as Python has it.
  int codePoints() {
    if (codePoints < 0) {
      codePoints = characters.codePointCount(0, characters.length());
    }
    return codePoints;
  }

  /// The place of the character that so many code points stand before.
  int offset(int codePoints) {
    return codePoints() == length() ? codePoints : characters.offsetByCodePoints(0, codePoints);
  }

  boolean isEmpty() {
    return characters.isEmpty();
  }

  /// The origin of the character at a place.
  int originAt(int place) {
    return origins == null ? origin : origins[place];
  }

  /// The origins from one place to another, written to `target` from `offset` on.
  void copyOrigins(int from, int to, int[] target, int offset) {
    if (origins == null) {
      Arrays.fill(target, offset, offset + to - from, origin);
    } else {
      System.arraycopy(origins, from, target, offset, to - from);
    }
  }

  Text substring(int from) {
    return substring(from, length());
  }

  Text substring(int from, int to) {
    if (from == 0 && to == length()) {
      return this;
    }
    int[] part = origins == null ? null : Arrays.copyOfRange(origins, from, to);
    return new Text(characters.substring(from, to), origin, part, markup);
  }

  /// Whether it is Jinja's `Markup`, as the filter `safe` makes it: what is added to it is escaped
  /// for HTML.
  boolean isMarkup() {
    return markup;
  }

  /// The same characters, as markup or not.
  Text asMarkup(boolean wanted) {
    return wanted == markup ? this : new Text(characters, origin, origins, wanted);
  }

  /// Other characters, as many, in the places of these.
  Text withSameOrigins(String others) {
    if (others.length() == length()) {
      return new Text(others, origin, origins, markup);
    }
    int first = length() == 0 ? TEMPLATE : originAt(0); // a letter became two
    return new Text(others, first, null, markup);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Text text && text.characters.equals(characters);
  }

  @Override
  public int hashCode() {
    return characters.hashCode();
  }

  /// In the order of code points, as Python's.
  @Override
  public int compareTo(Text other) {
    int end = Math.min(length(), other.length());
    for (int i = 0; i < end; i++) {
      char a = characters.charAt(i);
      char b = other.characters.charAt(i);
      if (a != b) {
        boolean surrogates = Character.isSurrogate(a) != Character.isSurrogate(b);
        return surrogates ? (Character.isSurrogate(a) ? 1 : -1) : Character.compare(a, b);
      }
    }
    return Integer.compare(length(), other.length());
  }

  @Override
  public String toString() {
    return characters;
  }
}
