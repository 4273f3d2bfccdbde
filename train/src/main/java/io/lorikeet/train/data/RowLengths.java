package io.lorikeet.train.data;

/// How long rows are computed that don't fill the context. There are a few lengths, since a model
/// has graphs for each: the context and three quarters of it, and halves of both, rounded up to
/// multiples of [#STEP] tokens. So about a third of a row is padding at most, unless it is very
/// short.
final class RowLengths {
  private static final int STEP = 32;
  private static final int LEAST = 64;

  private RowLengths() {}

  /// The least length with room enough.
  ///
  /// @param places taken of the row
  /// @param context the longest length
  static int of(int places, int context) {
    int length = context;
    for (int half = context; half >= LEAST; half /= 2) {
      for (int shorter : new int[] {half, half - half / 4}) {
        int rounded = Math.ceilDiv(shorter, STEP) * STEP;
        if (rounded >= places && rounded < length) {
          length = rounded;
        }
      }
    }
    return length;
  }
}
