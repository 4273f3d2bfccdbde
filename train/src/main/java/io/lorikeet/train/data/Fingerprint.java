package io.lorikeet.train.data;

import java.text.Normalizer;

/// Tells duplicates by 64 bits.
///
/// @param exact equal for the same text
/// @param near equal for texts that differ in nothing but capitals, spaces, punctuation and the
///     ways that Unicode has to write the same. Signs that carry meaning, as in 1 - 2, stay.
record Fingerprint(long exact, long near) {
  private static final Normalizer.Form NORMAL = Normalizer.Form.NFKC; // which ASCII always is
  private static final String IGNORED = ".,;:!?\"'`()[]\u2018\u2019\u201c\u201d\u2026";

  /// Which of ASCII's characters are passed over; asked for every character of a corpus.
  private static final boolean[] GAPS = new boolean[0x80];

  static {
    for (char next = 0; next < GAPS.length; next++) {
      GAPS[next] = Character.isWhitespace(next) || IGNORED.indexOf(next) >= 0;
    }
  }

  /// A text's.
  static Fingerprint of(String text) {
    char[] whole = text.toCharArray();
    long exact = hash(whole, whole.length);
    char[] normal = isAscii(whole) ? whole : Normalizer.normalize(text, NORMAL).toCharArray();
    char[] plain = new char[normal.length];
    int length = plain(normal, plain);
    // A text of nothing but punctuation is like no other.
    return new Fingerprint(exact, length == 0 ? exact : hash(plain, length));
  }

  /// Of tokens.
  static Fingerprint of(int[] tokens) {
    long hash = tokens.length;
    for (int token : tokens) {
      hash = Shuffle.mix(hash ^ token);
    }
    return new Fingerprint(hash, hash);
  }

  private static boolean isAscii(char[] text) {
    for (char next : text) {
      if (next >= 0x80) {
        return false;
      }
    }
    return true;
  }

  /// @param plain receives the remaining characters; as long as the text
  /// @return number of remaining characters
  private static int plain(char[] text, char[] plain) {
    int length = 0;
    boolean gap = false;
    for (char next : text) {
      if (isGap(next)) {
        gap = length > 0;
      } else {
        if (gap) {
          plain[length++] = ' ';
          gap = false;
        }
        plain[length++] = Character.toLowerCase(next);
      }
    }
    return length;
  }

  private static boolean isGap(char next) {
    return next < GAPS.length
        ? GAPS[next]
        : Character.isWhitespace(next) || IGNORED.indexOf(next) >= 0;
  }

  private static long hash(char[] text, int length) {
    long hash = length;
    for (int i = 0; i < length; i++) {
      hash = (hash ^ text[i]) * 0x100000001b3L;
      hash ^= hash >>> 32;
    }
    return Shuffle.mix(hash);
  }
}
