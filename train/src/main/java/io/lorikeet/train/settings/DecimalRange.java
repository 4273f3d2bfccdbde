package io.lorikeet.train.settings;

import java.math.BigDecimal;

/// Numbers that an option takes, written in decimal digits, with a point and an exponent of ten
/// where wanted: `0.5`, `2e-4`.
///
/// @param least the smallest
/// @param most the largest
public record DecimalRange(double least, double most) {
  private static final String NUMBER = "[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?";

  /// Whether a text is a number, within any range.
  static boolean isNumber(String text) {
    return text.strip().matches(NUMBER);
  }

  /// Reads a number.
  ///
  /// @throws IllegalArgumentException with what was expected
  public double parse(String text) {
    // parseDouble takes hexadecimal digits, suffixes and names besides
    if (isNumber(text) && contains(Double.parseDouble(text.strip()))) {
      return Double.parseDouble(text.strip());
    }
    throw new IllegalArgumentException("expected " + this + ", found '" + text + "'");
  }

  /// Whether it is finite and within the range.
  public boolean contains(double value) {
    return value >= least && value <= most;
  }

  @Override
  public String toString() {
    return "a number from " + plain(least) + " to " + plain(most);
  }

  /// A number in the fewest signs: `0.5`, `2e-4`.
  static String shortest(double value) {
    BigDecimal decimal = BigDecimal.valueOf(value).stripTrailingZeros();
    String plain = decimal.toPlainString();
    String scientific = decimal.unscaledValue() + "e" + -decimal.scale();
    return scientific.length() < plain.length() ? scientific : plain;
  }

  /// `0.5`, `1000000` or `1e-30`.
  private static String plain(double value) {
    BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    boolean isShort = Math.abs(decimal.scale()) < 10;
    return isShort ? decimal.toPlainString() : decimal.toString().replaceFirst("E\\+?", "e");
  }
}
