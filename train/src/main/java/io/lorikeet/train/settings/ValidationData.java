package io.lorikeet.train.settings;

/// Where the examples come from that are measured and never trained on.
public sealed interface ValidationData {

  /// There are none, but for those that a folder of data has beside its training data.
  record None() implements ValidationData {}

  /// Files of their own.
  record FromFile(DataSource source) implements ValidationData {}

  /// A share of the training examples, chosen by the run's seed.
  ///
  /// @param share between 0 and 1, both exclusive
  record Fraction(double share) implements ValidationData {}

  /// A number of the training examples, chosen by the run's seed.
  ///
  /// @param examples at least 1
  record Count(int examples) implements ValidationData {
    static final WholeRange RANGE = new WholeRange(1, Integer.MAX_VALUE);
  }
}
