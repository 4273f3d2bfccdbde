package io.lorikeet.bindings.llama;

/// A model that llama.cpp loads and can't be used for what is asked: its vocabulary lacks what a
/// text needs, or it computes numbers that aren't finite.
public final class UnusableModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnusableModelException(String message) {
    super(message);
  }
}
