package io.lorikeet.train.data;

import java.util.Arrays;

/// Work on lists of token ids.
final class Tokens {
  private Tokens() {}

  static boolean startsWith(int[] tokens, int[] start) {
    return tokens.length >= start.length
        && Arrays.equals(tokens, 0, start.length, start, 0, start.length);
  }

  /// The number of tokens with which both begin.
  static int common(int[] tokens, int[] others) {
    int mismatch = Arrays.mismatch(tokens, others);
    return mismatch < 0 ? tokens.length : mismatch;
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

  /// Tokens with loss.
  static int count(float[] weights) {
    int count = 0;
    for (float weight : weights) {
      count += weight > 0 ? 1 : 0;
    }
    return count;
  }
}
