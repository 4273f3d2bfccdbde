package io.lorikeet.bindings;

import java.util.Objects;

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

  /// Never null, unlike that of other exceptions.
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage(), "each constructor wants a message");
  }
}
