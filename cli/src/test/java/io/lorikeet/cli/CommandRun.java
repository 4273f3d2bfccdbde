package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;

/// The results of a command, for tests.
record CommandRun(int exitCode, String out, String err) {

  static CommandRun of(Object... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    int exitCode = Main.run(new PrintWriter(out), new PrintWriter(err), words);
    return new CommandRun(exitCode, out.toString(), err.toString());
  }

  /// Checks that the command ended with this exit code and one or two lines that hold all of
  /// `words`, and no trace.
  CommandRun assertFails(int expectedExitCode, String... words) {
    assertEquals(expectedExitCode, exitCode, () -> "stderr: " + err);
    long lines = err.lines().count();
    assertTrue(lines == 1 || lines == 2, () -> "one or two lines expected: " + err);
    assertFalse(err.contains("at io.lorikeet"), err);
    assertFalse(err.contains("Exception"), err);
    for (String word : words) {
      assertTrue(err.contains(word), () -> "'" + word + "' expected in: " + err);
    }
    return this;
  }

  CommandRun assertSucceeds() {
    assertEquals(0, exitCode, () -> "stderr: " + err);
    return this;
  }
}
