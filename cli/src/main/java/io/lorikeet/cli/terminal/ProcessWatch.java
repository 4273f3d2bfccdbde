package io.lorikeet.cli.terminal;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/// Tells the script that started this process how it ends. The script reads a pipe that is closed
/// when the process is gone. After a last word the process has reported its end itself. Without one
/// the process was killed or has crashed, and the script says so.
public final class ProcessWatch {
  /// Names the pipe; not set where nobody watches.
  private static final String PIPE = "lorikeet.watch";

  private ProcessWatch() {}

  /// From now on an end without a word is told by the script.
  public static void begin() {
    say("begun");
    Runtime.getRuntime().addShutdownHook(new Thread(ProcessWatch::end));
  }

  /// Announces that the process is about to end, and reports its end itself.
  public static void end() {
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
