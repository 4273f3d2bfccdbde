package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class DataCommandTest {
  @TempDir private static Path files;
  private static Path base;

  @TempDir private Path folder;

  @BeforeAll
  static void makeBase() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
  }

  @Test
  void showsFiguresAndExamples() throws IOException {
    CommandRun run = data(write(pairs(30)), "--context", 64, "--show", 2).assertSucceeds();
    assertTrue(run.out().contains("30 examples of prompt and completion"), run.out());
    assertTrue(run.out().lines().anyMatch(line -> line.matches("examples +30")), run.out());
    assertTrue(run.out().contains("every example fits"), run.out());
    assertTrue(run.out().contains("<s> count 0⟦ 1 and on</s>⟧"), run.out());
    assertTrue(run.out().contains("count 15⟦"), run.out());
  }

  @Test
  void printsJson() throws IOException {
    List<String> lines = pairs(20);
    lines.add(lines.getFirst());
    lines.add("{\"prompt\": \"a \", \"completion\": \"b\"}");
    CommandRun run =
        data(write(lines), "--context", 64, "--json", "--validation", 3).assertSucceeds();
    JsonNode report = new ObjectMapper().readTree(run.out());
    assertEquals(3, report.path("validation").path("examples").asInt());
    assertEquals(
        22, report.path("examples").asInt() + report.path("validation").path("examples").asInt());
    assertEquals(0, report.path("without_end_token").asInt());
    assertTrue(report.path("trained_tokens").asInt() < report.path("tokens").asInt());
    assertTrue(report.path("warnings").toString().contains("ends in a space"), run.out());
  }

  @Test
  void printsExamplesAsJson() throws IOException {
    CommandRun run = data(write(pairs(4)), "--context", 64, "--show", 2, "--json").assertSucceeds();
    JsonNode shown = new ObjectMapper().readTree(run.out()).path("shown");
    assertEquals(2, shown.size());
    JsonNode second = shown.path(1);
    assertTrue(second.path("place").asText().endsWith("data.jsonl:3"), run.out());
    assertEquals("<s> count 2⟦ 3 and on</s>⟧", second.path("text").asText());
    JsonNode trained = second.path("trained");
    assertEquals(second.path("tokens").size(), trained.size());
    assertFalse(trained.path(0).booleanValue());
    assertTrue(trained.path(trained.size() - 1).booleanValue());
  }

  @Test
  void tellsWhatIsCut() throws IOException {
    CommandRun run =
        data(
                write(List.of("\"" + "word ".repeat(100) + "\"", "\"short\"")),
                "--context",
                32,
                "--show",
                0)
            .assertSucceeds();
    assertTrue(run.out().contains("1 examples (50.0 %) are longer, and lose"), run.out());
  }

  @Test
  void tellsWhatIsWrong() throws IOException {
    data(write(List.of("{\"txt\": \"a\"}"))).assertFails(2, "is 'txt' meant to be 'text'?");
    Path chats =
        write(
            List.of(
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
                    + " {\"role\": \"assistant\", \"content\": \"b\"}]}"));
    data(chats, "--chat-template", "chatnl").assertFails(2, "chatnl", "chatml");
    CommandRun.of("data", "--model", base).assertFails(2, "--data is needed");
    CommandRun none = data(write(List.of("{\"txt\": \"a\"}")), "--skip-bad-lines", "--json");
    assertEquals(2, none.exitCode());
    assertTrue(none.err().contains("is 'txt' meant to be 'text'?"), none.err());
  }

  private CommandRun data(Path file, Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("data", "--model", base, "--data", file, "--threads", 1));
    args.addAll(List.of(more));
    return CommandRun.of(args.toArray());
  }

  private Path write(List<String> lines) throws IOException {
    return Files.write(folder.resolve("data.jsonl"), lines);
  }

  private static List<String> pairs(int count) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add("{\"prompt\": \"count %d\", \"completion\": \" %d and on\"}".formatted(i, i + 1));
    }
    return lines;
  }
}
