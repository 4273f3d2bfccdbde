package io.lorikeet.finetune.scoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Right answers and wrong ones, for each scorer.
class ScorersTest {
  @TempDir private Path folder;

  private static Question question(String reference, ToolCall... calls) {
    return new Question("f:1", "p", Optional.empty(), reference, List.of(calls));
  }

  private static void scores(double expected, String scorer, String reference, String answer) {
    try (Scorer named = ScorerChoice.named(scorer)) {
      Score score = named.score(question(reference), answer);
      assertEquals(Optional.empty(), score.failure());
      assertEquals(expected, score.value(), scorer + ": " + answer);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void texts() throws IOException {
    scores(1, "exact", " xpz", "xpz\n");
    scores(0, "exact", "xpz", "xp z");
    scores(1, "contains", " Paris", "It is Paris.");
    scores(0, "contains", "Paris", "It is paris.");
    scores(1, "regex:(?i)^a.*z$", "", "A to z");
    scores(0, "regex:^a$", "", "ab");
  }

  @Test
  void numbers() throws IOException {
    scores(1, "number", "9 * 2 = 18\n#### 18", "So it is $18.00.");
    scores(1, "number", "#### 1,000", "We get 1000\n#### 1000\n\nQuestion: 5 + 5?\nAnswer: 10");
    scores(0, "number", "#### 18", "18 of them, which is 19");
    scores(0, "number", "-3", "3");
    scores(0, "number", "#### 18", "no idea");
    scores(0, "number", "1", "9".repeat(1000));
    Score failed = ScorerChoice.named("number").score(question("none"), "1");
    assertTrue(failed.failure().orElseThrow().contains("no number"), failed.toString());
  }

  @Test
  void aSlowPatternIsAFailure() throws IOException {
    Scorer slow = ScorerChoice.named("regex:^(a+)+\\1c$");
    Score score =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20), () -> slow.score(question(""), "a".repeat(60) + "b"));
    assertTrue(score.failure().orElseThrow().contains("too long"), score.toString());
  }

  @Test
  void json() throws IOException {
    scores(1, "json", "", " {\"a\": [1, null]}\n");
    for (String wrong : List.of("", "{'a': 1}", "{\"a\": 1} x", "{\"a\": 1, \"a\": 2}", "NaN")) {
      scores(0, "json", "", wrong);
    }
    scores(0, "json", "", "[".repeat(100_000));
  }

  @Test
  void schemas() throws IOException {
    Path file = folder.resolve("schema.json");
    Files.writeString(
        file,
        "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"type\": \"object\","
            + " \"required\": [\"day\"], \"additionalProperties\": false,"
            + " \"properties\": {\"day\": {\"$ref\": \"#/definitions/d\"}},"
            + " \"definitions\": {\"d\": {\"type\": \"string\", \"format\": \"date-time\"}}}");
    String scorer = "json-schema:" + file;
    scores(1, scorer, "", "{\"day\": \"2026-11-29T10:00:00Z\"}");
    scores(0, scorer, "", "{\"day\": 1}");
    scores(0, scorer, "", "{}");
    scores(0, scorer, "", "{\"day\": \"2026-11-29T10:00:00Z\", \"x\": 1}");
    scores(0, scorer, "", "day");
    Files.writeString(file, "{\"type\": \"objct\"");
    assertThrows(InvalidInputException.class, () -> ScorerChoice.named(scorer));
    Map<String, Object> inline = Map.of("json-schema", Map.of("minimum", 3));
    assertEquals(1, ScorerChoice.ofTask(inline).score(question(""), "3").value());
    assertEquals(0, ScorerChoice.ofTask(inline).score(question(""), "2").value());
  }

  @Test
  void aSchemaElsewhereIsNotFetched() throws IOException {
    try (ServerSocket server = new ServerSocket(0)) {
      server.setSoTimeout(300);
      String elsewhere = "http://127.0.0.1:" + server.getLocalPort() + "/schema.json";
      Map<String, Object> schema = Map.of("json-schema", Map.of("$ref", elsewhere));
      InvalidInputException refused =
          assertThrows(InvalidInputException.class, () -> ScorerChoice.ofTask(schema));
      assertTrue(refused.getMessage().contains(elsewhere), refused.getMessage());
      assertThrows(SocketTimeoutException.class, server::accept);
    }
  }

  @Test
  void toolCalls() throws IOException {
    ToolCall call =
        new ToolCall(Optional.empty(), "f", Map.of("n", 1, "list", List.of(1, "a"), "t", true));
    Scorer scorer = ScorerChoice.named("tool-call");
    String right =
        "{\"name\": \"f\", \"arguments\": {\"t\": true, \"list\": [1.0, \"a\"], \"n\": 1}}";
    for (String answer :
        List.of(
            right,
            "I call <tool_call>\n" + right + "\n</tool_call>",
            "{broken [" + right + "]",
            "{\"type\": \"function\", \"function\": " + right + "}",
            right.replace("arguments", "parameters"),
            "{\"name\": \"f\", \"arguments\": \"{\\\"t\\\": true, \\\"list\\\": [1, \\\"a\\\"],"
                + " \\\"n\\\": 1}\"}")) {
      assertEquals(1, scorer.score(question("", call), answer).value(), answer);
      assertEquals(1, scorer.score(question(right), answer).value(), answer);
    }
    for (String answer :
        List.of(
            "",
            right + right,
            right.replace("\"f\"", "\"g\""),
            right.replace("true", "\"true\""),
            right.replace("[1.0, \"a\"]", "[\"a\", 1]"),
            right.replace(", \"n\": 1", ""))) {
      assertEquals(0, scorer.score(question("", call), answer).value(), answer);
    }
    ToolCall other = new ToolCall(Optional.empty(), "g", "{\"x\": 2}");
    String both = "{\"name\": \"g\", \"arguments\": {\"x\": 2}} " + right;
    assertEquals(1, scorer.score(question("", call, other), both).value());
    assertEquals(0, scorer.score(question("", call, call), both).value());
    assertTrue(scorer.score(question("none"), right).failure().isPresent());
  }

  @Test
  void theReferenceChoosesWhereNothingElseDoes() {
    Scorer scorer = ScorerChoice.byReference();
    assertEquals(1, scorer.score(question("a"), " a").value());
    ToolCall call = new ToolCall(Optional.empty(), "f", "{}");
    String answer = "{\"name\": \"f\", \"arguments\": {}}";
    assertEquals(1, scorer.score(question("", call), answer).value());
  }

  @Test
  void othersAreRefused() {
    for (Map.Entry<String, String> wrong :
        Map.of(
                "exakt", "did you mean 'exact'",
                "regex", "needs a pattern",
                "regex:(", "no regular expression",
                "program:", "needs a command",
                "exact:x", "takes nothing")
            .entrySet()) {
      String message =
          assertThrows(InvalidInputException.class, () -> ScorerChoice.named(wrong.getKey()))
              .getMessage();
      assertTrue(message.contains(wrong.getValue()), message);
    }
    for (Object wrong : List.of("program:touch x", Map.of("program", "x"), "json-schema:f", 3)) {
      assertThrows(InvalidInputException.class, () -> ScorerChoice.ofTask(wrong));
    }
    assertFalse(ScorerChoice.NAMES.isEmpty());
  }
}
