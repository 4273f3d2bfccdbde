package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class InitCommandTest {
  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    data = Files.write(files.resolve("data.jsonl"), examples(40, "and on"));
  }

  private static List<String> examples(int count, String end) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add("{\"prompt\": \"count %d\", \"completion\": \" %d %s\"}".formatted(i, i + 1, end));
    }
    return lines;
  }

  @Test
  void asksUntilItHasUsableAnswers() throws IOException {
    Files.writeString(folder.resolve("a.gguf"), "no model");
    Files.copy(base, folder.resolve("b.gguf"));
    Files.copy(data, folder.resolve("c.jsonl"));
    StringWriter said = new StringWriter();
    InitDialogue.Result result =
        ask(said, nobody(), "a.gguf\n\nnone.jsonl\n\nmerge\nmerged\n10\n90m\n");
    assertEquals(folder.resolve("b.gguf"), result.model());
    assertEquals(folder.resolve("c.jsonl").toString(), result.data());
    assertEquals(TrainingConfig.Purpose.MERGED, result.goal());
    assertEquals(Optional.of(Duration.ofMinutes(90)), result.time());
    for (String words :
        List.of(
            "[" + folder.resolve("b.gguf") + "]: ",
            "  there is no file a.gguf",
            "[" + folder.resolve("c.jsonl") + "]: ",
            "  there is no file none.jsonl",
            "(adapter, merged) [adapter]: ",
            "expected adapter or merged, found 'merge'",
            "40 examples, about ",
            "such as 2h [none]: ",
            "expected a time such as")) {
      assertTrue(said.toString().contains(words), words + ": " + said);
    }
  }

  @Test
  void doesntAskForGivenAnswers() throws IOException {
    StringWriter said = new StringWriter();
    InitDialogue.Result result = ask(said, given("adapter", "none"), "");
    assertEquals(Optional.empty(), result.time());
    assertFalse(said.toString().contains(": ["), said.toString());
    assertThrows(InvalidInputException.class, () -> ask(said, given("adapter", "soon"), ""));
    InvalidInputException e =
        assertThrows(InvalidInputException.class, () -> ask(said, nobody(), base + "\n"));
    assertEquals("the input ended before an answer for --data", e.getMessage());
  }

  @Test
  void findsContextEpochsAndValidation() throws IOException {
    assertEquals(4, ask(new StringWriter(), given("adapter", "none"), "").run().validation());
    Path longer = Files.write(folder.resolve("long.jsonl"), examples(8, "and on ".repeat(30)));
    InitAnswers answers =
        new InitAnswers(
            Optional.of(base), Optional.of("" + longer), Optional.of("adapter"), Optional.of("1h"));
    InitDialogue.Result result = ask(new StringWriter(), answers, "");
    assertEquals(0, result.run().validation(), "too few examples");
    assertEquals(3, result.run().epochs(), "8 examples are few steps");
    assertTrue(result.run().context() >= 200, "all of the example: " + result.run().context());
  }

  /// A batch of one has nothing to compare, and rows are as long as a query with its passages.
  @Test
  void comparesPairsOfTexts() throws IOException {
    Path pairs = folder.resolve("pairs.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 44; i++) {
      lines.add(
          "{\"anchor\": \"count %d %s\", \"positive\": \"%d %s\"}"
              .formatted(i, "and on ".repeat(18), i + 1, "and so on ".repeat(18)));
    }
    Files.write(pairs, lines);
    Path file = folder.resolve("pairs.yaml");
    CommandRun.of("init", base, pairs, "--goal", "adapter", "--time", "none", "--output", file)
        .assertSucceeds();
    TrainingOptions options = ConfigFile.read(file);
    assertEquals(Optional.of(Method.CONTRASTIVE), options.get(Settings.METHOD));
    assertEquals(Optional.of(32), options.get(Settings.BATCH_SIZE));
    assertEquals(Optional.of(1), options.get(Settings.ACCUMULATE));
    CommandRun data = CommandRun.of("data", "--config", file).assertSucceeds();
    assertFalse(data.out().contains(" cut"), data.out());
    Files.write(pairs, lines.subList(0, 5));
    CommandRun.of(
            "init", base, pairs, "--goal", "adapter", "--time", "none", "--output", file, "--force")
        .assertSucceeds();
    assertEquals(Optional.of(5), ConfigFile.read(file).get(Settings.BATCH_SIZE));
  }

  @Test
  void withoutATerminalNamesAllThatIsMissing() {
    CommandRun.of("init").assertFails(2, "give --model, --data, --goal, --time as well");
    CommandRun.of("init", "--model", base, "--goal", "adapter")
        .assertFails(2, "give --data, --time as well");
    CommandRun.of("init", base, data, "--goal", "fun", "--time", "none")
        .assertFails(2, "--goal: expected adapter or merged, found 'fun'");
  }

  /// The whole way: every key is known, names with odd signs as well, and the run trains.
  @Tag("slow")
  @Test
  void itsFileTrains() throws IOException {
    Path odd = Files.createDirectory(folder.resolve("a: #folder's \"é"));
    Path model = Files.copy(base, odd.resolve("- base.gguf"));
    Path file = odd.resolve("first run.yaml");
    Object[] init = {
      "init",
      "--model",
      model,
      "--data",
      data,
      "--goal",
      "adapter",
      "--time",
      "2h",
      "--output",
      file
    };
    CommandRun run = CommandRun.of(init).assertSucceeds();
    assertTrue(run.out().contains(" train --config '"), run.out());
    TrainingOptions options = ConfigFile.read(file);
    assertEquals(model, options.get(Settings.MODEL).orElseThrow());
    assertEquals(odd.resolve("adapter.gguf"), options.get(Settings.OUTPUT).orElseThrow());
    assertEquals(Duration.ofHours(2), options.get(Settings.MAX_TIME).orElseThrow());
    List<String> lines = Files.readAllLines(file);
    for (int i = 1; i < lines.size(); i++) {
      if (lines.get(i).matches("[a-z-]+: .*")) {
        assertTrue(lines.get(i - 1).startsWith("# "), "a comment above " + lines.get(i));
      }
    }
    String before = Files.readString(file);
    CommandRun.of(init).assertFails(2, "exists already. --force replaces it");
    assertEquals(before, Files.readString(file));
    CommandRun.of("train", "--config", file, "--steps", 2, "--learning-rate", 0.02)
        .assertSucceeds();
    assertTrue(Files.exists(odd.resolve("adapter.gguf")));
    List<Object> again = new ArrayList<>(List.of(init));
    again.add("--force");
    CommandRun.of(again.toArray()).assertSucceeds();
    assertTrue(Files.readString(file).contains("adapter-2.gguf"), "the first one stays");
  }

  private static InitAnswers nobody() {
    return new InitAnswers(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  private static InitAnswers given(String goal, String time) {
    return new InitAnswers(
        Optional.of(base), Optional.of(data.toString()), Optional.of(goal), Optional.of(time));
  }

  private InitDialogue.Result ask(StringWriter said, InitAnswers given, String typed)
      throws IOException {
    PrintWriter out = new PrintWriter(said);
    return new InitDialogue(
            new BufferedReader(new StringReader(typed)),
            out,
            new ProgressLine(out, Screen.none(), () -> 0),
            BasesTest.finder(folder))
        .run(given, folder);
  }
}
