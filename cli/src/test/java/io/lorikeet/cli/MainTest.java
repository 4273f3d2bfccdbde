package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {

  @Test
  void withoutCommandSaysWhatToDo() {
    CommandRun.of().assertFails(2, "lorikeet COMMAND", "--help");
  }

  @Test
  void unknownCommandAndOption() {
    CommandRun.of("trian").assertFails(2, "unknown command 'trian'; did you mean 'train'?");
    CommandRun.of("perplexity").assertFails(2, "unknown command 'perplexity'\n");
    CommandRun.of("generate", "--promt", "a", "--model", "b")
        .assertFails(2, "--prompt is missing", "--promt");
    CommandRun.of("--native-dir", "nowhere", "devices").assertFails(2, "no folder nowhere");
    CommandRun.of("--verbos").assertFails(2, "unknown option '--verbos'", "--verbose");
  }

  @Test
  void namesOfOtherProgramsLeadToOurs() {
    assertHint("'--tokens'", "generate", "--max-tokens", "8", "--model", "b", "--prompt", "a");
    assertHint("'--tokens'", "generate", "-n", "8", "--model", "b", "--prompt", "a");
    assertHint("'--temperature'", "generate", "--temp=0", "--model", "b", "--prompt", "a");
    assertHint("'--context'", "train", "--max-tokens", "8");
    assertHint("'--rank'", "train", "--lora_rank", "8");
    assertHint("'--rank'", "train", "--model", "b", "--data", "x.jsonl", "--lora-r", "8");
    assertHint("'--learning-rate'", "train", "--lr", "8");
    assertHint("'--accumulate'", "train", "--gradient_accumulation_steps", "8");
  }

  @Test
  void typesAndChoicesLeadToTheNearest() {
    assertHint("'Q4_K_M'", "quantize", "a", "b", "--type", "Q4_KM");
    assertHint("'PEFT'", "export", "--model", "a", "--adapter", "b", "--format", "pfet");
    assertHint("'q8_0'", "train", "--store", "q80");
  }

  private static void assertHint(String name, Object... arguments) {
    CommandRun.of(arguments).assertFails(2, "did you mean " + name + "?");
  }

  @Test
  void helpAndVersionGoToStandardOutput() {
    assertTrue(CommandRun.of("--help").assertSucceeds().out().startsWith("Usage: lorikeet"));
    assertTrue(CommandRun.of("--version").assertSucceeds().out().startsWith("lorikeet "));
  }

  @Test
  void aHeapThatIsTooSmallIsToldAtOnce(@TempDir Path folder)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(ProgramProcess.command());
    command.replaceAll(word -> word.equals("-Xmx256m") ? "-Xmx24m" : word);
    command.add("models");
    Path log = folder.resolve("log");
    assertEquals(2, ProgramProcess.finish(ProgramProcess.start(command, log)));
    String said = Files.readString(log);
    assertTrue(said.contains("LORIKEET_JAVA_OPTS") && said.lines().count() == 1, said);
  }
}
