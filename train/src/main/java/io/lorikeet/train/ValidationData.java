package io.lorikeet.train;

import java.nio.file.Path;

/// Where the examples come from that are measured and never trained on.
public sealed interface ValidationData {

  /// There are none.
  record None() implements ValidationData {}

  /// A file of their own.
  record FromFile(Path file) implements ValidationData {}

  /// A share of the training examples, chosen by the run's seed.
  ///
  /// @param share between 0 and 1, both exclusive
  record Fraction(double share) implements ValidationData {}
}
