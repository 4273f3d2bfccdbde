package io.lorikeet.train.data;

import java.text.Normalizer;

/// Tells duplicates by 64 bits.
///
/// @param exact equal for the same text
/// @param near equal for texts that differ in nothing but capitals, spaces, punctuation and the
///     ways that Unicode has to write the same. Signs that carry meaning, as in 1 - 2, stay.
record Fingerprint(long exact, long near) {
  private static final String IGNORED = ".,;:!?\"'`()[]\u2018\u2019\u201c\u201d\u2026";

  /// A text's.
  static Fingerprint of(String text) {
    return new Fingerprint(hash(text), hash(plain(text)));
  }

  /// Of tokens.
  static Fingerprint of(int[] tokens) {
    long hash = tokens.length;
    for (int token : tokens) {
      hash = Shuffle.mix(hash ^ token);
    }
    return new Fingerprint(hash, hash);
  }

  private static String plain(String text) {
    boolean ascii = text.chars().allMatch(next -> next < 0x80); // which is normal already
    String normal = ascii ? text : Normalizer.normalize(text, Normalizer.Form.NFKC);
    StringBuilder plain = new StringBuilder(normal.length());
    boolean gap = false;
    for (int i = 0; i < normal.length(); i++) {
      char next = normal.charAt(i);
      if (Character.isWhitespace(next) || IGNORED.indexOf(next) >= 0) {
        gap = !plain.isEmpty();
      } else {
        if (gap) {
          plain.append(' ');
          gap = false;
        }
        plain.append(Character.toLowerCase(next));
      }
    }
    // A text of nothing but punctuation is like no other.
    return plain.isEmpty() ? text : plain.toString();
  }

  private static long hash(String text) {
    long hash = text.length();
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
      hash ^= hash >>> 32;
    }
    return Shuffle.mix(hash);
  }
}
