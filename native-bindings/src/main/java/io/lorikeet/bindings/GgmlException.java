package io.lorikeet.bindings;

/// A native call that could not be made or did not succeed: a shape or type that ggml would abort
/// on, memory that could not be had, a graph that failed.
public final class GgmlException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GgmlException(String message) {
    super(message);
  }

  public GgmlException(String message, Throwable cause) {
    super(message, cause);
  }
}
