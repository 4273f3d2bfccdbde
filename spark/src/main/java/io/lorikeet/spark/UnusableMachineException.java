package io.lorikeet.spark;

import java.io.Serial;
import java.nio.file.NoSuchFileException;

/// A machine can't compute for a run, and trying again changes nothing.
final class UnusableMachineException extends Exception {
  @Serial private static final long serialVersionUID = 1;

  UnusableMachineException(Exception cause) {
    super(
        cause instanceof NoSuchFileException missing
            ? "there is no file " + missing.getFile()
            : cause.getMessage(),
        cause);
  }
}
