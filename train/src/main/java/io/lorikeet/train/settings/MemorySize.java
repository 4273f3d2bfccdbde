package io.lorikeet.train.settings;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Sizes of memory as options have them.
public final class MemorySize {
  private static final BigDecimal MOST = BigDecimal.valueOf(1_000_000_000_000_000_000L);

  private static final Pattern SIZE =
      Pattern.compile("(\\d{1,15}(?:\\.\\d{1,9})?)\\s*(B|KB|MB|GB|TB)", Pattern.CASE_INSENSITIVE);

  private MemorySize() {}

  /// A size such as `8GB` or `500 MB`, in bytes; GB are 10⁹.
  ///
  /// @throws IllegalArgumentException with what was expected
  public static long bytes(String text) {
    Matcher matcher = SIZE.matcher(text.strip());
    if (matcher.matches()) {
      int power = "BKMGT".indexOf(matcher.group(2).toUpperCase(Locale.ROOT).charAt(0));
      BigDecimal bytes = new BigDecimal(matcher.group(1)).scaleByPowerOfTen(3 * power);
      if (bytes.compareTo(MOST) <= 0) {
        return bytes.longValue();
      }
    }
    throw new IllegalArgumentException(
        "expected a size such as 8GB or 500MB, of at most 1000000TB, found '" + text + "'");
  }
}
