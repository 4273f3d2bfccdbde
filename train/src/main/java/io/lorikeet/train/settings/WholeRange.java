package io.lorikeet.train.settings;

/// Whole numbers that an option takes. They are written in the digits 0 to 9 alone.
///
/// @param least the smallest
/// @param most the largest
public record WholeRange(long least, long most) {

  /// Every number of 64 bits.
  public static final WholeRange ANY = new WholeRange(Long.MIN_VALUE, Long.MAX_VALUE);

  /// Reads a number.
  ///
  /// @throws IllegalArgumentException with what was expected
  public long parse(String text) {
    String digits = text.strip();
    try {
      // parseLong takes the digits of other scripts as well
      if (digits.matches("[+-]?[0-9]+") && contains(Long.parseLong(digits))) {
        return Long.parseLong(digits);
      }
    } catch (NumberFormatException _) {
      // has more than 64 bits
    }
    throw new IllegalArgumentException("expected " + this + ", found '" + text + "'");
  }

  public boolean contains(long value) {
    return value >= least && value <= most;
  }

  @Override
  public String toString() {
    return equals(ANY)
        ? "a whole number of at most 64 bits"
        : "a whole number from " + least + " to " + most;
  }
}
