package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// No text of a file steers the terminal.
class PrintableWriterTest {
  private static final String HOSTILE = "\u001b]0;title\u0007\u001b[2Jred\rover\u009b31m";

  @TempDir private Path folder;

  @Test
  void controlCharactersAreShown() {
    assertEquals(
        "\\u001b]0;title\\u0007\\u001b[2Jred\\u000dover\\u009b31m\n\ttext é😀\r\n",
        written(HOSTILE + "\n\ttext é😀\r\n"));
  }

  @Test
  void ownSequencesPass() {
    assertEquals("\u001b[32mline\u001b[0m", written("\u001b[32mline\u001b[0m"));
    StringWriter out = new StringWriter();
    PrintableWriter.control(new PrintableWriter(new PrintWriter(out)), "\r\u001b[J");
    assertEquals("\r\u001b[J", out.toString());
    assertEquals("\\u001b[31m", written("\u001b[31m"));
    assertEquals("\\u001b[", written("\u001b["));
  }

  private static String written(String text) {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintableWriter(new PrintWriter(out));
    writer.print(text);
    writer.write(7);
    writer.flush();
    assertTrue(out.toString().endsWith("\\u0007"), out.toString());
    return out.toString().substring(0, out.toString().length() - 6);
  }

  @Test
  void commandsShowWhatFilesHoldSafely() throws IOException {
    Path named =
        RandomModel.of(TensorType.Q4_0)
            .put("general.name", new GgufValue.TextValue(HOSTILE))
            .write(folder.resolve("named.gguf"));
    CommandRun inspected = CommandRun.of("inspect", named).assertSucceeds();
    assertSafe(inspected.out());
    assertTrue(inspected.out().contains("\\u001b[2J"), inspected.out());
    Path foreign =
        RandomModel.of(TensorType.Q4_0)
            .put("general.architecture", new GgufValue.TextValue(HOSTILE))
            .write(folder.resolve("foreign.gguf"));
    for (String command : new String[] {"plan", "generate", "data"}) {
      String data = command.equals("generate") ? "--prompt=a" : "--data=" + named;
      CommandRun refused =
          CommandRun.of(
              command, "--model", foreign, command.equals("plan") ? "--context=16" : data);
      assertEquals(2, refused.exitCode(), refused.err());
      assertSafe(refused.err());
    }
    assertSafe(CommandRun.of("train", HOSTILE).err());
  }

  private static void assertSafe(String shown) {
    assertFalse(
        shown.chars().anyMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t'), shown);
  }
}
