package io.lorikeet.finetune.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Gates on random models, whose answers are no use to anybody.
@ExtendWith(LeakCheck.class)
class GateTest {
  @TempDir private Path folder;

  private GateVerdict judge(Path base, Path merged, String yaml) throws IOException {
    Path gate = Files.writeString(folder.resolve("gate.yaml"), yaml);
    Evaluation models =
        new Evaluation(base, Optional.empty(), Optional.of(merged), Optional.empty(), 1, 1, 0);
    return GateRun.of(gate, models, _ -> {});
  }

  private static Check check(GateVerdict verdict, String name) {
    return verdict.checks().stream()
        .filter(check -> check.name().endsWith(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError(verdict.toString()));
  }

  private static final String ALL =
      """
      improve:
        - tasks: new.jsonl
          scorer: regex:[a-m]
      keep:
        - {tasks: old.jsonl, margin: 2.5}
      divergence: %s
      json: 0
      length: 1
      repetition: 0
      echo: {data: old.jsonl}
      tokens: 12
      """;

  @Test
  void aBaseIsNoBetterThanItselfAndNoWorse() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    writeTasks();
    GateVerdict verdict = judge(base, base, ALL.formatted(0));
    assertFalse(verdict.passes());
    for (Check check : verdict.checks()) {
      assertEquals(!check.name().endsWith("new.jsonl"), check.passed(), check.toString());
    }
    assertTrue(check(verdict, "the base").measured().startsWith("0.000"), verdict.toString());
    assertEquals(7, verdict.checks().size());
    byte[] neutral = Files.readAllBytes(folder.resolve("gate.neutral.json"));
    judge(base, base, ALL.formatted(0));
    assertEquals(
        new String(neutral), Files.readString(folder.resolve("gate.neutral.json")), "made anew");
  }

  @Test
  void anotherModelDivergesAndNeutralTextsBelongToTheirBase() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path other = RandomModel.of(TensorType.Q4_0).seed(9).write(folder.resolve("other.gguf"));
    writeTasks();
    GateVerdict verdict = judge(base, other, ALL.formatted(1e-3));
    assertFalse(check(verdict, "the base").passed(), verdict.toString());
    String refused =
        assertThrows(InvalidInputException.class, () -> judge(other, base, ALL.formatted(1)))
            .getMessage();
    assertTrue(refused.contains("another base"), refused);
    String calls = "improve: [{tasks: new.jsonl}]\\ntool-calls: 1\\n".replace("\\n", "\n");
    String noTemplate =
        assertThrows(InvalidInputException.class, () -> judge(base, other, calls)).getMessage();
    assertTrue(noTemplate.contains("no chat template"), noTemplate);
  }

  private void writeTasks() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 10; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \"%d\"}%n".formatted(i, i + 1));
    }
    Files.writeString(folder.resolve("new.jsonl"), lines);
    Files.writeString(folder.resolve("old.jsonl"), lines);
  }

  @Test
  void everythingWrongInAGateIsNamed() throws IOException {
    Path base = folder.resolve("base.gguf");
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    judge(
                        base,
                        base,
                        """
                        improv: []
                        keep: [{task: a, margin: 200}]
                        length: 0.5
                        echo: x
                        """))
            .getMessage();
    for (String word :
        List.of(
            "unknown key 'improv'; did you mean 'improve'?",
            "keep[0]: unknown key 'task'; did you mean 'tasks'?",
            "keep[0]: expected a file under 'tasks'",
            "keep[0].margin: expected a number from 0",
            "length: expected a number from 1",
            "echo: expected lines")) {
      assertTrue(message.contains(word), message);
    }
    for (String wrong : List.of("", "seed: 1", "improve: [{tasks: a}]\nimprove: []", "a: [")) {
      assertThrows(InvalidInputException.class, () -> judge(base, base, wrong), wrong);
    }
  }

  @Test
  void habits() throws IOException {
    assertEquals(0, AnswerHabits.repetition(List.of("a b c d e f", "short")));
    assertEquals(0.5, AnswerHabits.repetition(List.of("a b c d a b c d a b c")));
    Path data =
        Files.writeString(
            folder.resolve("lines.jsonl"),
            "{\"prompt\": \"p\", \"completion\": \"The lorikeet is a small parrot with a tongue like"
                + " a brush.\"}\n");
    String echo = "He said: the bird,  a small parrot with a\ntongue like a brush.";
    assertEquals(
        List.of(0.0, 0.5),
        AnswerHabits.echo(
            List.of(List.of("nothing of it"), List.of(echo, "a small parrot")), data));
  }

  /// The difference of 1 and 0.95 is a little more than 0.05 in floating point.
  @Test
  void aFallOfJustTheMarginIsWithinIt() {
    assertTrue(GateRun.isWithin(1 - 171 / 180.0, 0.05));
    assertFalse(GateRun.isWithin(1 - 170 / 180.0, 0.05));
  }
}
