package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The demo's new task and its old ones, before and after training: what must fail a gate does, and
/// what keeps old skills passes.
@ExtendWith(LeakCheck.class)
@Tag("long")
class DemoControlsTest {
  private static final Path DEMO = Path.of("..", "demo");
  private static final Path BASE = DEMO.resolve("base.gguf");
  private static final Path NEW = DEMO.resolve("data").resolve("train.jsonl");

  /// The tasks that the base knows, as demo/tasks.py has them.
  private static final Map<String, UnaryOperator<String>> OLD = new LinkedHashMap<>();

  static {
    OLD.put("copy", word -> word);
    OLD.put("reverse", word -> new StringBuilder(word).reverse().toString());
    OLD.put("sort", word -> sorted(word, word.length()));
    OLD.put("upper", word -> word.toUpperCase(Locale.ROOT));
    OLD.put("first", word -> word.substring(0, 1));
    OLD.put("last", word -> word.substring(word.length() - 1));
    OLD.put("smallest", word -> sorted(word, 1));
    OLD.put("largest", word -> sorted(word, word.length()).substring(word.length() - 1));
    OLD.put("length", word -> String.valueOf(word.length()));
  }

  @TempDir private static Path folder;
  private static Path oldTrain;
  private static Path moreOldTrain;
  private static Path gate;

  private static String sorted(String word, int letters) {
    char[] all = word.toCharArray();
    Arrays.sort(all);
    return new String(all, 0, letters);
  }

  @BeforeAll
  static void writeFiles() throws IOException {
    oldTrain = write("old-train.jsonl", 100, false);
    moreOldTrain = write("more-old-train.jsonl", 1000, false);
    write("old.jsonl", 20, true);
    Files.copy(DEMO.resolve("data").resolve("test.jsonl"), folder.resolve("new.jsonl"));
    gate =
        Files.writeString(
            folder.resolve("gate.yaml"),
            """
            improve: [{tasks: new.jsonl}]
            keep: [{tasks: old.jsonl, margin: 10}]
            tokens: 16
            """);
  }

  /// Prompts of one in eight words are never trained on, as demo/tasks.py says which.
  private static Path write(String name, int ofEach, boolean heldOut) throws IOException {
    SplittableRandom random = new SplittableRandom(heldOut ? 1 : 2);
    StringBuilder lines = new StringBuilder();
    for (Map.Entry<String, UnaryOperator<String>> task : OLD.entrySet()) {
      for (int i = 0; i < ofEach; ) {
        String word = word(random);
        String prompt = task.getKey() + " " + word + " =";
        CRC32 hash = new CRC32();
        hash.update(prompt.getBytes(StandardCharsets.US_ASCII));
        if (hash.getValue() % 8 == 0 == heldOut) {
          lines.append(
              "{\"prompt\": \"%s\", \"completion\": \" %s\"}\n"
                  .formatted(prompt, task.getValue().apply(word)));
          i++;
        }
      }
    }
    return Files.writeString(folder.resolve(name), lines);
  }

  /// Two to six different letters.
  private static String word(SplittableRandom random) {
    StringBuilder word = new StringBuilder();
    int length = random.nextInt(2, 7);
    while (word.length() < length) {
      String letter = String.valueOf((char) ('a' + random.nextInt(26)));
      if (word.indexOf(letter) < 0) {
        word.append(letter);
      }
    }
    return word.toString();
  }

  private static Path train(String name, Path data, Object... more) {
    Path adapter = folder.resolve(name + ".gguf");
    List<Object> words =
        new ArrayList<>(
            List.of("train", "--config", DEMO.resolve("train.yaml"), "--device", "cpu"));
    words.addAll(List.of("--model", BASE, "--data", data, "--output", adapter));
    words.addAll(List.of(more));
    CommandRun.of(words.toArray()).assertSucceeds();
    return adapter;
  }

  /// Scores after training, of the new task and of the old ones.
  private record Scores(double ofNew, double ofOld, Map<String, Double> byTask) {
    static Scores of(Path adapter) throws IOException {
      Path json = folder.resolve("scores.json");
      CommandRun.of(
              "eval",
              BASE,
              "--adapter",
              adapter,
              "--tasks",
              folder.resolve("new.jsonl"),
              "--tasks",
              folder.resolve("old.jsonl"),
              "--tokens",
              16,
              "--threads",
              1,
              "--json",
              json,
              "--force")
          .assertSucceeds();
      JsonNode tasks = new ObjectMapper().readTree(json.toFile()).get("tasks");
      Map<String, Double> byTask = new LinkedHashMap<>();
      for (JsonNode answer : tasks.get(1).get("answers")) {
        String task = answer.get("prompt").asText().split(" ")[0];
        byTask.merge(task, answer.get("after").get("score").asDouble() / 20, Double::sum);
      }
      return new Scores(
          tasks.get(0).get("after").asDouble(), tasks.get(1).get("after").asDouble(), byTask);
    }

    String words() {
      return String.format(Locale.ROOT, "new %.1f %%, old %.1f %%: ", 100 * ofNew, 100 * ofOld)
          + byTask.entrySet().stream()
              .map(
                  task ->
                      String.format(Locale.ROOT, "%s %.0f", task.getKey(), 100 * task.getValue()))
              .collect(Collectors.joining(", "));
    }
  }

  private static CommandRun judge(String option, Path file) {
    return CommandRun.of("eval", "--model", BASE, option, file, "--gate", gate, "--threads", 1);
  }

  /// Differences of 0 are exact on the CPU.
  @Test
  void theBaseAgainstItself() throws IOException {
    Path strict =
        Files.writeString(
            folder.resolve("strict.yaml"),
            Files.readString(gate) + "divergence: 0\nlength: 1\nrepetition: 0\njson: 0\n");
    CommandRun run =
        CommandRun.of("eval", BASE, "--merged", BASE, "--gate", strict, "--threads", 1);
    assertEquals(3, run.exitCode(), run.err());
    for (String exact : List.of("0.000 (", "1.00 times", "+0.0 points, from 100.0 to 100.0")) {
      assertTrue(run.out().contains(exact.replace(" (", "")), run.out());
    }
    assertEquals(1, run.out().lines().filter(line -> line.contains("FAILS")).count(), run.out());
  }

  @Test
  void whatLearnedNothingOrBrokeSomethingDoesNotPass() throws IOException {
    List<String> lines = new ArrayList<>(Files.readAllLines(NEW));
    List<String> answers =
        new ArrayList<>(lines.stream().map(line -> line.split("\"completion\": ")[1]).toList());
    Collections.shuffle(answers, new Random(5));
    for (int i = 0; i < lines.size(); i++) {
      lines.set(i, lines.get(i).split("\"completion\": ")[0] + "\"completion\": " + answers.get(i));
    }
    Path shuffled = Files.write(folder.resolve("shuffled.jsonl"), lines);
    assertEquals(3, judge("--adapter", train("shuffled", shuffled)).exitCode());
    assertEquals(3, judge("--adapter", train("fast", NEW, "--learning-rate", 5e-2)).exitCode());
    assertEquals(3, judge("--adapter", train("plain", NEW)).exitCode());
  }

  @Test
  void replayPasses() throws IOException {
    Path adapter = train("replayed", NEW, "--replay", moreOldTrain + ":0.5", "--steps", 400);
    Scores scores = Scores.of(adapter);
    assertTrue(scores.ofNew() >= 0.9 && scores.ofOld() >= 0.95, scores.words());
    CommandRun passing = judge("--adapter", adapter);
    assertEquals(0, passing.exitCode(), passing.out());
  }

  /// 97.2 % on the processor that docs/evaluation.md's table is of; others round otherwise.
  @Test
  void keepingTheBaseOnOldPromptsPasses() throws IOException {
    Path adapter = train("kept", NEW, "--keep-base", 1, "--neutral", oldTrain, "--steps", 400);
    Scores scores = Scores.of(adapter);
    assertTrue(scores.ofNew() >= 0.9 && scores.ofOld() >= 0.93, scores.words());
    assertEquals(0, judge("--adapter", adapter).exitCode());
  }

  /// Prints docs/evaluation.md's table, for bench/old-skills.
  @Test
  @EnabledIfSystemProperty(named = "lorikeet.oldSkills", matches = ".+")
  void table() throws IOException {
    Map<String, List<Object>> trainings = new LinkedHashMap<>();
    trainings.put("plain, 150 steps", List.of());
    trainings.put("--keep-base 1, the base's own texts", List.of("--keep-base", 1, "--steps", 200));
    trainings.put(
        "--keep-base 1, old questions",
        List.of("--keep-base", 1, "--neutral", oldTrain, "--steps", 400));
    trainings.put(
        "--replay FILE:0.5, 900 old questions",
        List.of("--replay", oldTrain + ":0.5", "--steps", 400));
    trainings.put(
        "--replay FILE:0.5, 9,000 old questions",
        List.of("--replay", moreOldTrain + ":0.5", "--steps", 400));
    for (Map.Entry<String, List<Object>> training : trainings.entrySet()) {
      for (String seed : System.getProperty("lorikeet.oldSkills").split(",")) {
        List<Object> options = new ArrayList<>(training.getValue());
        options.addAll(List.of("--seed", seed, "--force"));
        Scores scores = Scores.of(train("table", NEW, options.toArray()));
        System.out.printf("%s, seed %s: %s%n", training.getKey(), seed, scores.words());
      }
    }
  }
}
