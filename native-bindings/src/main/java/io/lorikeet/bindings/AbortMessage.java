package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_abort_callback_t;
import java.lang.foreign.Arena;

/// Says which operation was under way when ggml finds one of its own assertions violated, right
/// before it aborts the process. There is no way to go on: this is for the report of the bug.
public final class AbortMessage {
  private static volatile Runnable afterwards = () -> {};

  private AbortMessage() {}

  /// Sets the last act of the process, after the message. Loads no library.
  public static void then(Runnable action) {
    afterwards = action;
  }

  static void install() {
    Ggml.ggml_set_abort_callback(
        ggml_abort_callback_t.allocate(
            message -> print(message.reinterpret(Long.MAX_VALUE).getString(0)), Arena.global()));
  }

  private static void print(String message) {
    String operation = CurrentOperation.last();
    System.err.println(
        "ggml aborts the process: "
            + message.strip()
            + (operation.isEmpty() ? "" : "\nThe operation begun last: " + operation)
            + "\nThis is an error in Lorikeet, which checks what it passes to ggml: please report"
            + " it.");
    System.err.flush();
    afterwards.run();
  }
}
