package io.lorikeet.quant;

import java.util.List;
import java.util.Objects;

/// The user's input can't be used: a file, a line of data, a setting. The message is meant for the
/// user, and names the problem, its place and a remedy. Command lines end with exit code 2 on it
/// and show no stack trace.
public class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final int SHOWN_PROBLEMS = 20;

  public InvalidInputException(String message) {
    super(message);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }

  /// Never null, unlike that of other exceptions.
  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage(), "each constructor wants a message");
  }

  /// Several problems of a kind: on one line where there is only one, else the first twenty on a
  /// line each, and a count.
  ///
  /// @param summary where they are and what to do
  /// @param problems at least one
  public static InvalidInputException of(String summary, List<String> problems) {
    if (problems.size() == 1) {
      return new InvalidInputException(summary + ": " + problems.getFirst());
    }
    StringBuilder message = new StringBuilder(summary).append(":");
    problems.stream()
        .limit(SHOWN_PROBLEMS)
        .forEach(problem -> message.append("\n  ").append(problem));
    if (problems.size() > SHOWN_PROBLEMS) {
      message.append("\n  … and ").append(problems.size() - SHOWN_PROBLEMS).append(" more");
    }
    return new InvalidInputException(message.toString());
  }
}
