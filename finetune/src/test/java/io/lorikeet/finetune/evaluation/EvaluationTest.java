package io.lorikeet.finetune.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.TextGenerator;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Tasks answered by random models.
@ExtendWith(LeakCheck.class)
class EvaluationTest {
  private static final int TOKENS = 8;

  @TempDir private Path folder;

  private static Evaluation evaluation(Path base, Optional<Path> merged) {
    return new Evaluation(base, Optional.empty(), merged, Optional.empty(), TOKENS, 1, 42);
  }

  private EvaluationTask task(String... lines) throws IOException {
    Path file = Files.writeString(folder.resolve("tasks.jsonl"), String.join("\n", lines));
    return EvaluationTask.read(file, Optional.empty(), false);
  }

  @Test
  void theReferencesAreMetWhereTheModelWroteThem() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path other = RandomModel.of(TensorType.F32).seed(2).write(folder.resolve("other.gguf"));
    String right;
    try (TextGenerator generator = TextGenerator.open(base, Optional.empty(), 64, 1)) {
      right = generator.generate("abc", new TextGenerator.Sampling(TOKENS, 0, 0), _ -> {}).text();
    }
    String json = new ObjectMapper().writeValueAsString(right);
    EvaluationTask task =
        task(
            "{\"prompt\": \"abc\", \"completion\": " + json + "}",
            "{\"prompt\": \"abd\", \"completion\": \"never this\", \"scorer\": \"regex:.\"}");
    TaskResult result = evaluation(base, Optional.of(other)).run(List.of(task), _ -> {}).getFirst();
    assertEquals(right, result.outcomes().getFirst().before().answer().text());
    assertEquals(1, result.outcomes().getFirst().before().score().value());
    assertEquals(1, result.scoreBefore());
    assertEquals(0.5, result.scoreAfter());
    assertEquals(1, result.losses().size());
    assertEquals(-0.5, result.difference().mean());
    assertEquals(task.name() + ":1", result.losses().getFirst().question().place());
  }

  @Test
  void aBaseDoesNotDifferFromItself() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    String[] lines = new String[30];
    for (int i = 0; i < lines.length; i++) {
      lines[i] =
          "{\"prompt\": \"%s\", \"completion\": \"x\", \"scorer\": \"regex:[aeiou]\"}"
              .formatted("say " + "word ".repeat(i % 7) + i);
    }
    TaskResult result =
        evaluation(base, Optional.of(base)).run(List.of(task(lines)), _ -> {}).getFirst();
    assertEquals(new PairedDifference(0, 0, 0), result.difference());
    result
        .outcomes()
        .forEach(outcome -> assertEquals(outcome.before().answer(), outcome.after().answer()));
  }

  @Test
  void everyLineThatIsNoTaskIsNamed() throws IOException {
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    task(
                        "{\"text\": \"alone\"}",
                        "{\"prompt\": \"a\", \"completion\": \"b\"}",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"},"
                            + " {\"role\": \"assistant\", \"content\": \"ho\"}],"
                            + " \"scorer\": \"exakt\"}",
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"},"
                            + " {\"role\": \"assistant\", \"content\": \"ho\"}],"
                            + " \"scorer\": \"program:touch x\"}"))
            .getMessage();
    for (String word : List.of("jsonl:1: a text", "jsonl:3: no scorer", "jsonl:4: data can't")) {
      assertTrue(message.contains(word), message);
    }
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    EvaluationTask tooLong =
        task("{\"prompt\": \"%s\", \"completion\": \"b\"}".formatted("a b".repeat(400)));
    String refused =
        assertThrows(
                InvalidInputException.class,
                () -> evaluation(base, Optional.empty()).run(List.of(tooLong), _ -> {}))
            .getMessage();
    assertTrue(refused.contains("tasks.jsonl:1: the prompt has "), refused);
  }

  @Test
  void aChatIsAskedUpToItsLastAnswer() throws IOException {
    String chat =
        """
        {"conversations": [{"from": "human", "value": "a"}, {"from": "function_call", "value":\
         "{\\"name\\": \\"f\\", \\"arguments\\": {\\"x\\": 1}}"}, {"from": "observation", "value": "2"},\
         {"from": "gpt", "value": "two"}]}
        """;
    Path file = Files.writeString(folder.resolve("chats.jsonl"), chat);
    EvaluationTask said = EvaluationTask.read(file, Optional.empty(), false);
    assertEquals("two", said.items().getFirst().question().reference());
    assertEquals(3, said.items().getFirst().question().chat().orElseThrow().messages().size());
    EvaluationTask calls =
        EvaluationTask.read(file, Optional.of(ScorerChoice.named("tool-call")), true);
    assertEquals("f", calls.items().getFirst().question().calls().getFirst().name());
    assertEquals(1, calls.items().getFirst().question().chat().orElseThrow().messages().size());
  }
}
