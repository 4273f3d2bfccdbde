package io.lorikeet.train.data.files;

/// A record of a file that is no example, and why.
final class RecordProblem extends RuntimeException {
  private static final long serialVersionUID = 1;

  /// @param message the value that was found and the one that was expected, without the place
  RecordProblem(String message) {
    super(message, null, false, false);
  }
}
