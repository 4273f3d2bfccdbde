package io.lorikeet.train;

/// A loss or gradient that is infinite or no number. The parameters are as they were before the
/// step; the message names the step, where it arose and the lines of data.
public final class NonFiniteException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public NonFiniteException(String message) {
    super(message);
  }
}
