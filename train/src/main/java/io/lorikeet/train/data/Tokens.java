package io.lorikeet.train.data;

import java.util.Arrays;

/// Work on lists of token ids.
final class Tokens {
  private Tokens() {}

  static boolean startsWith(int[] tokens, int[] start) {
    return tokens.length >= start.length
        && Arrays.equals(tokens, 0, start.length, start, 0, start.length);
  }

  /// All but the first ones.
  static int[] after(int[] tokens, int count) {
    return Arrays.copyOfRange(tokens, count, tokens.length);
  }

  static int[] concatenate(int[]... parts) {
    int length = 0;
    for (int[] part : parts) {
      length += part.length;
    }
    int[] all = new int[length];
    int position = 0;
    for (int[] part : parts) {
      System.arraycopy(part, 0, all, position, part.length);
      position += part.length;
    }
    return all;
  }

  static int count(boolean[] marks) {
    int count = 0;
    for (boolean mark : marks) {
      count += mark ? 1 : 0;
    }
    return count;
  }
}
