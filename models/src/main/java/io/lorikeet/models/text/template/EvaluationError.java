package io.lorikeet.models.text.template;

/// What goes wrong inside a template, in Jinja's words; the line is added outside, see
/// [TemplateException].
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
