package io.lorikeet.quant;

/// What the user gave can't be used: a file, a line of data, a setting. The message is meant for the user: what was
/// wrong, where, and what to do. Command lines end with exit code 2 on it and show no stack trace.
public class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message) {
    super(message);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }
}
