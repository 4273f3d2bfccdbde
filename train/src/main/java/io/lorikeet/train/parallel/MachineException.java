package io.lorikeet.train.parallel;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/// Other machines were to compute, and can't. The message names the machine.
public final class MachineException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  public MachineException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
