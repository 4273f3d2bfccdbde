package io.lorikeet.train.memory;

import java.util.OptionalLong;
import java.util.function.IntFunction;

/// Finds the longest row that fits into memory. A plan takes time in proportion to the row, so few
/// are made. Memory grows about linearly with the row: the line through the last two plans tells
/// which row to plan next. At first it is the line through one plan and the origin, which is too
/// steep, since some memory doesn't depend on the row.
final class ContextSearch {
  /// The row that is planned first.
  private static final int FIRST = 16;

  private final int most;
  private final long limit;
  private final IntFunction<OptionalLong> needed;
  private int fits;
  private int tooLong;
  private int last;
  private long lastBytes;
  private double slope = Double.NaN;

  /// @param most the longest row that is asked for, in any unit
  /// @param limit bytes that there are
  /// @param needed bytes that a row takes; empty where it can't be computed at any price
  ContextSearch(int most, long limit, IntFunction<OptionalLong> needed) {
    this.most = most;
    this.limit = limit;
    this.needed = needed;
    tooLong = most + 1;
  }

  /// A row that fits, where one that is a sixteenth longer doesn't, as far as the line tells; 0
  /// where none fits.
  int longest() {
    int probe = Math.min(most, FIRST);
    while (probe > fits) {
      measure(probe);
      probe = next();
    }
    return fits;
  }

  private void measure(int row) {
    OptionalLong bytes = needed.apply(row);
    if (bytes.isPresent()) {
      slope = (double) (bytes.getAsLong() - lastBytes) / (row - last);
      last = row;
      lastBytes = bytes.getAsLong();
    }
    if (bytes.isPresent() && bytes.getAsLong() <= limit) {
      fits = row;
    } else {
      tooLong = row;
    }
  }

  /// The next row to plan; none longer than those that fit ends the search.
  private int next() {
    int tolerance = Math.max(1, fits / 16);
    if (tooLong - fits <= tolerance) {
      return fits;
    }
    int middle = (fits + tooLong) >>> 1;
    if (!(slope > 0)) {
      return middle;
    }
    double expected = last + (limit - lastBytes) / slope;
    if (fits == FIRST && tooLong > most) {
      return (int) Math.clamp(expected, Math.min(most, 2L * FIRST), most);
    }
    if (expected >= tooLong) {
      // Where nothing has failed yet that is the whole; else the line was wrong.
      return tooLong > most ? most : middle;
    }
    if (fits > 0 && expected <= fits + tolerance) {
      return last == fits ? fits : middle;
    }
    return Math.clamp((int) (expected * 0.98), fits + 1, tooLong - 1);
  }
}
