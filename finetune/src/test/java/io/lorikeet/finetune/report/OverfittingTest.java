package io.lorikeet.finetune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OverfittingTest {
  private static final int SEEDS = 24;

  @TempDir private Path folder;

  /// A run of 8 times 5 steps, with a validation after each 5.
  private static RunMetrics metrics(double fall, double... validations) {
    List<RunMetrics.Step> steps = new ArrayList<>();
    List<RunMetrics.Validation> measured = new ArrayList<>();
    for (int i = 0; i < validations.length; i++) {
      for (int j = 1; j <= 5; j++) {
        steps.add(
            new RunMetrics.Step(5 * i + j, 0, 2 - fall * (5 * i + j), 1e-4, 1, 1, 1, 1, Map.of()));
      }
      measured.add(new RunMetrics.Validation(5 * i + 5, validations[i], 1));
    }
    return new RunMetrics(steps, measured, List.of());
  }

  @Test
  void isTheRuleThatIsWrittenDown() {
    String sign = Overfitting.sign(metrics(0.02, 2, 1.5, 1.55, 1.6, 1.7)).orElseThrow();
    assertTrue(sign.contains("lowest after step 10 (1.5)") && sign.contains("(1.7 now)"), sign);
    assertTrue(sign.contains("fell from 1.89 to 1.59"), sign);
    assertTrue(Overfitting.sign(metrics(0.02, 2, 1.5, 1.55, 1.6)).isEmpty(), "two confirm");
    assertTrue(Overfitting.sign(metrics(0.02, 2, 1.5, 1.6, 1.52, 1.6)).isEmpty(), "one is low");
    assertTrue(Overfitting.sign(metrics(0.0001, 2, 1.5, 1.6, 1.6, 1.7)).isEmpty(), "no fall");
    assertTrue(Overfitting.sign(metrics(0.02, 2, 1.9, 1.8, 1.7, 1.6)).isEmpty());
    assertTrue(Overfitting.sign(metrics(0.02)).isEmpty());
  }

  /// On tiny runs of other seeds: data that is new at each step, where nothing can be overfitted;
  /// and a few lines over and over, with answers that have no reason.
  @Test
  @Tag("long")
  void givesFewFalseAlarmsAndMissesFew() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    int falseAlarms = 0;
    int found = 0;
    for (int seed = 1; seed <= SEEDS; seed++) {
      falseAlarms += alarms(base, seed, 320, false) ? 1 : 0;
      found += alarms(base, seed, 8, true) ? 1 : 0;
    }
    System.out.printf(
        "overfitting: %d false alarms, %d found, of %d each%n", falseAlarms, found, SEEDS);
    assertTrue(falseAlarms <= SEEDS / 20, falseAlarms + " false alarms of " + SEEDS);
    assertTrue(found >= SEEDS * 2 / 3, "only " + found + " of " + SEEDS);
  }

  private boolean alarms(Path base, long seed, int lines, boolean meaningless) throws IOException {
    Path own = Files.createDirectory(folder.resolve(lines + "-" + seed));
    SplittableRandom random = new SplittableRandom(seed);
    TrainingConfig config =
        new TrainingOptions()
            .model(base)
            .data(data(own.resolve("data.jsonl"), lines, meaningless, random))
            .validation(data(own.resolve("measured.jsonl"), 16, meaningless, random))
            .output(own.resolve("a.gguf"))
            .set(Settings.CONTEXT, 48)
            .set(Settings.DEVICE, "cpu")
            .set(Settings.THREADS, 1)
            .set(Settings.ACCUMULATE, 1)
            .set(Settings.RANK, RankChoice.of(8))
            .set(Settings.SEED, seed)
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.LEARNING_RATE, 1e-2)
            .set(Settings.EVALUATE_EVERY, 6)
            .set(Settings.STEPS, 60)
            .resolve();
    new Trainer(config, _ -> {}).run();
    RunMetrics metrics = RunMetrics.read(config.get(Settings.RUN));
    assertEquals(60, metrics.lastStep());
    return Overfitting.sign(metrics).isPresent();
  }

  private static Path data(Path file, int lines, boolean meaningless, SplittableRandom random)
      throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < lines; i++) {
      String word = word(random);
      text.append(
          "{\"prompt\": \"say %s\", \"completion\": \" %s %s\"}\n"
              .formatted(
                  word, meaningless ? word(random) : word, meaningless ? word(random) : "said"));
    }
    return Files.writeString(file, text);
  }

  private static String word(SplittableRandom random) {
    return random
        .ints(3, 'a', 'z' + 1)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
