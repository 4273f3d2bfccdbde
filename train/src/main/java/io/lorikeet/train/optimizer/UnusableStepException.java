package io.lorikeet.train.optimizer;

/// A step was computed, but what came out must not change the parameters.
public abstract sealed class UnusableStepException extends RuntimeException
    permits NonFiniteException, SpikeException {
  private static final long serialVersionUID = 1L;

  UnusableStepException(String message) {
    super(message);
  }

  /// Whether no step was taken before: then the base is at fault, and not the training.
  public abstract boolean isOfTheBase();

  /// The problem in two or three words.
  public abstract String kind();
}
