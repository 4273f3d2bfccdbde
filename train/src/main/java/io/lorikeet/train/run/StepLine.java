package io.lorikeet.train.run;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;

/// Reads a step's line as [MetricsFile] writes it where nothing is added to it, several times as
/// fast as a parser of JSON. Any other line isn't understood, and is left to such a parser.
final class StepLine {
  private static final byte[][] KEYS =
      Stream.of(
              "{\"step\":",
              ",\"epoch\":",
              ",\"loss\":",
              ",\"learning_rate\":",
              ",\"grad_norm\":",
              ",\"target_tokens\":",
              ",\"tokens\":",
              ",\"seconds\":",
              ",\"tokens_per_second\":")
          .map(key -> key.getBytes(StandardCharsets.US_ASCII))
          .toArray(byte[][]::new);

  /// Digits that a long holds whatever they are.
  private static final int MOST_DIGITS = 18;

  private static final double[] POWERS = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22
  };

  private final double[] values = new double[KEYS.length];
  private int at;

  /// Reads a line into columns.
  ///
  /// @param from its first byte
  /// @param to the place after the last byte that is there, which may be one of a later line
  /// @return the place after its line break; `from` where it isn't such a line, or not all of it
  int read(byte[] bytes, int from, int to, StepColumns steps) {
    at = from;
    for (int i = 0; i < KEYS.length; i++) {
      if (!skip(bytes, to, KEYS[i]) || !number(bytes, to, i)) {
        return from;
      }
    }
    boolean whole = to - at >= 2 && bytes[at] == '}' && bytes[at + 1] == '\n';
    if (!whole || values[0] < 0 || values[0] > Integer.MAX_VALUE) {
      return from;
    }
    steps.put(
        (int) values[0],
        values[1],
        values[2],
        values[3],
        values[4],
        (long) values[5],
        (long) values[6],
        values[7]);
    return at + 2;
  }

  private boolean skip(byte[] bytes, int to, byte[] key) {
    if (to - at <= key.length || !Arrays.equals(bytes, at, at + key.length, key, 0, key.length)) {
      return false;
    }
    at += key.length;
    return true;
  }

  /// A number of up to 18 digits. Its last bit can differ from that of exact rounding.
  private boolean number(byte[] bytes, int to, int index) {
    boolean negative = bytes[at] == '-';
    int place = negative ? at + 1 : at;
    long digits = 0;
    int count = 0;
    int decimals = 0;
    boolean afterPoint = false;
    for (; place < to; place++) {
      byte c = bytes[place];
      if (c >= '0' && c <= '9') {
        digits = 10 * digits + (c - '0');
        count += digits == 0 ? 0 : 1;
        decimals += afterPoint ? 1 : 0;
      } else if (c == '.' && !afterPoint) {
        afterPoint = true;
      } else {
        break;
      }
    }
    int exponent = -decimals;
    if (place < to && (bytes[place] == 'E' || bytes[place] == 'e')) {
      place++;
      boolean below = bytes[place] == '-';
      place += below || bytes[place] == '+' ? 1 : 0;
      int size = 0;
      for (; place < to && bytes[place] >= '0' && bytes[place] <= '9' && size < 1000; place++) {
        size = 10 * size + (bytes[place] - '0');
      }
      exponent += below ? -size : size;
    }
    boolean ends = place < to && (bytes[place] == ',' || bytes[place] == '}');
    if (!ends || count > MOST_DIGITS || Math.abs(exponent) >= POWERS.length || place == at) {
      return false;
    }
    double value = exponent < 0 ? digits / POWERS[-exponent] : digits * POWERS[exponent];
    values[index] = negative ? -value : value;
    at = place;
    return true;
  }
}
