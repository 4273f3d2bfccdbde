package io.lorikeet.models.text.template;

/// A text isn't a Jinja template; [ChatTemplate] adds its name.
final class SyntaxError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;

  /// @param line line of the template, from 1
  SyntaxError(int line, String message) {
    super(message, null, false, false);
    this.line = line;
  }

  int line() {
    return line;
  }
}
