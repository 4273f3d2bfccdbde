package io.lorikeet.bindings;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/// Tells the script that started this process how it ends. The script reads a pipe that is closed
/// when the process is gone: after a last word it was an end that the process has told of itself,
/// without one the process was killed or has crashed, and the script says so.
public final class ProcessWatch {
  /// Names the pipe; not set where nobody watches.
  private static final String PIPE = "lorikeet.watch";

  private ProcessWatch() {}

  /// From now on an end without a word is told by the script.
  public static void begin() {
    say("begun");
    Runtime.getRuntime().addShutdownHook(new Thread(ProcessWatch::end));
  }

  /// What follows is the process's own end, of which it tells itself.
  static void end() {
    say("ended");
  }

  private static void say(String word) {
    String pipe = System.getProperty(PIPE);
    if (pipe == null) {
      return;
    }
    try (OutputStream out = new FileOutputStream(pipe)) {
      out.write((word + "\n").getBytes(StandardCharsets.US_ASCII));
    } catch (IOException _) {
      // nobody watches any more
    }
  }
}
