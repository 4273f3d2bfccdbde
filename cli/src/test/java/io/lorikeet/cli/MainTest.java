package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MainTest {

  @Test
  void withoutCommandSaysWhatToDo() {
    CommandRun.of().assertFails(2, "lorikeet COMMAND", "--help");
  }

  @Test
  void unknownCommandAndOption() {
    CommandRun.of("trian").assertFails(2, "trian");
    CommandRun.of("generate", "--promt", "a", "--model", "b")
        .assertFails(2, "--prompt is missing", "--promt");
    CommandRun.of("--native-dir", "nowhere", "devices").assertFails(2, "no folder nowhere");
    CommandRun.of("--verbos").assertFails(2, "unknown option '--verbos'", "--verbose");
  }

  @Test
  void helpAndVersionGoToStandardOutput() {
    assertTrue(CommandRun.of("--help").assertSucceeds().out().startsWith("Usage: lorikeet"));
    assertTrue(CommandRun.of("--version").assertSucceeds().out().startsWith("lorikeet "));
  }
}
