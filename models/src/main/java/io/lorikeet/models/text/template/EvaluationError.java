package io.lorikeet.models.text.template;

/// An error while a template is evaluated, in Jinja's words. [TemplateException] adds the line.
final class EvaluationError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Why a template stops.
  enum Cause {
    MISTAKE,
    /// The template itself raised it.
    RAISED,
    /// It has used up what a rendering may.
    EXHAUSTED
  }

  private final Cause cause;

  EvaluationError(String message) {
    this(message, Cause.MISTAKE);
  }

  EvaluationError(String message, Cause cause) {
    super(message, null, false, false);
    this.cause = cause;
  }

  Cause cause() {
    return cause;
  }
}
