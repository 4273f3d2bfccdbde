package io.lorikeet.models.text.template;

import io.lorikeet.quant.InvalidInputException;

/// A chat template that can't be read, or that can't or won't render what it was given.
public final class TemplateException extends InvalidInputException {
  private static final long serialVersionUID = 1L;

  private final String reason;
  private final int line;
  private final EvaluationError.Cause cause;

  TemplateException(String template, int line, String reason, EvaluationError.Cause cause) {
    super(template + ", line " + line + ": " + reason);
    this.reason = reason;
    this.line = line;
    this.cause = cause;
  }

  /// The error in Jinja's words, or in the template's own where it raised it.
  public String reason() {
    return reason;
  }

  /// Line of the template, from 1.
  public int line() {
    return line;
  }

  /// Whether the template itself refuses the conversation, by `raise_exception`: roles in an order
  /// that it doesn't know, for example.
  public boolean isRaised() {
    return cause == EvaluationError.Cause.RAISED;
  }

  /// Whether it was stopped since it didn't end, or wrote without end.
  public boolean isExhausted() {
    return cause == EvaluationError.Cause.EXHAUSTED;
  }
}
