package io.lorikeet.bindings.llama;

/// A model that computes, with its own settings and weights, numbers that aren't finite: no token
/// is likelier than another, and no loss is a number.
public final class NonFiniteLogitsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NonFiniteLogitsException(String message) {
    super(message);
  }
}
