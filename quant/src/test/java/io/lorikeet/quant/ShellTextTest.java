package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class ShellTextTest {

  @Test
  void leavesPlainPathsAlone() {
    assertEquals("runs/a-run_2.gguf", ShellText.quoted(Path.of("runs/a-run_2.gguf")));
    assertEquals("'w é/a-run'", ShellText.quoted(Path.of("w é/a-run")));
    assertEquals("./-x", ShellText.quoted(Path.of("-x")));
    assertEquals("./@x", ShellText.quoted(Path.of("@x")));
    assertEquals("''", ShellText.quoted(""));
  }

  @Test
  void aShellReadsBackEachWord() throws Exception {
    for (String text :
        List.of(
            "",
            "a b",
            "it's",
            "''",
            "$HOME `id` \"x\" \\ !! ~ * ? [a] {b,c} #d &|;<>()",
            "é日😀",
            "two\nlines\ttab",
            "\u001b[31mred\u007f'\\")) {
      String word = ShellText.quoted(text);
      assertFalse(word.chars().anyMatch(Character::isISOControl), word);
      assertEquals(text, read(word));
    }
  }

  private static String read(String word) throws Exception {
    ProcessBuilder shell = new ProcessBuilder("bash", "-c", "printf %s " + word);
    shell.environment().put("LC_ALL", "C.UTF-8");
    try {
      Process process = shell.start();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException _) {
      Assumptions.abort("there is no bash");
      return "";
    }
  }
}
