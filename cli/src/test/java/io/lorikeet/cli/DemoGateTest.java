package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A gate for the demo's task, and adapters that must not pass it.
@Tag("slow")
@ExtendWith(LeakCheck.class)
class DemoGateTest {
  private static final Path DEMO = Path.of("..", "demo").toAbsolutePath();
  private static final Path BASE = DEMO.resolve("base.gguf");

  @TempDir private Path folder;
  private Path gate;

  @BeforeEach
  void writeGate() throws IOException {
    gate = folder.resolve("gate.yaml");
    Files.writeString(
        gate,
        "improve:\n  - tasks: '%s'\ntokens: 12\nlength: 3\nseed: 5\n"
            .formatted(DEMO.resolve("data/test.jsonl")));
  }

  private CommandRun judge(String option, Path file) {
    return CommandRun.of("eval", "--model", BASE, option, file, "--gate", gate, "--threads", 1);
  }

  private Path trained(String name, Path data, String rate) {
    Path adapter = folder.resolve(name + ".gguf");
    CommandRun.of(
        "train",
        "--model",
        BASE,
        "--data",
        data,
        "--output",
        adapter,
        "--context",
        128,
        "--batch-size",
        8,
        "--accumulate",
        1,
        "--steps",
        60,
        "--learning-rate",
        rate,
        "--threads",
        1,
        "--device",
        "cpu");
    return adapter;
  }

  @Test
  void aBaseIsNotBetterThanItself() {
    CommandRun run = judge("--merged", BASE);
    assertEquals(3, run.exitCode(), run.err());
    assertTrue(run.out().contains("+0.0 points, interval +0.0 points to +0.0 points"), run.out());
    assertTrue(run.out().contains("don't ship: 1 of 2"), run.out());
  }

  @Test
  void anAdapterOfRightAnswersPassesAndOneOfShuffledAnswersDoesNot() throws IOException {
    Path data = DEMO.resolve("data/train.jsonl");
    CommandRun right = judge("--adapter", trained("right", data, "5e-3"));
    assertEquals(0, right.exitCode(), right.out() + right.err());
    CommandRun shuffled = judge("--adapter", trained("shuffled", shuffled(data), "5e-3"));
    assertEquals(3, shuffled.exitCode(), shuffled.out() + shuffled.err());
  }

  @Test
  void tenTimesTheLearningRateDoesNotPass() {
    CommandRun hot = judge("--adapter", trained("hot", DEMO.resolve("data/train.jsonl"), "5e-2"));
    assertEquals(3, hot.exitCode(), hot.out() + hot.err());
  }

  /// The same prompts with the answers of others.
  private Path shuffled(Path data) throws IOException {
    List<String> prompts = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    for (String line : Files.readAllLines(data)) {
      int answer = line.indexOf("\"completion\"");
      prompts.add(line.substring(0, answer));
      answers.add(line.substring(answer));
    }
    Collections.shuffle(answers, new Random(1));
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      lines.add(prompts.get(i) + answers.get(i));
    }
    return Files.write(folder.resolve("shuffled.jsonl"), lines);
  }
}
