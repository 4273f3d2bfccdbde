package io.lorikeet.models.text.template;

/// What goes wrong inside a template, in Jinja's words; the line is added outside, see
/// [TemplateException].
final class EvaluationError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean raised;

  EvaluationError(String message) {
    this(message, false);
  }

  private EvaluationError(String message, boolean raised) {
    super(message, null, false, false);
    this.raised = raised;
  }

  /// What `raise_exception` throws.
  static EvaluationError raised(String message) {
    return new EvaluationError(message, true);
  }

  /// Whether the template itself raised it.
  boolean isRaised() {
    return raised;
  }
}
