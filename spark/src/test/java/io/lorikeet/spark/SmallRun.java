package io.lorikeet.spark;

import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;

/// Runs that take a second.
final class SmallRun {
  private SmallRun() {}

  /// Lines of a prompt and a completion that follows from it.
  static Path data(Path file, int lines) throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < lines; i++) {
      String word = "abcdefgh".charAt(random.nextInt(8)) + "" + random.nextInt(10);
      text.append("{\"prompt\": \"say %s\", \"completion\": \" %s said\"}\n".formatted(word, word));
    }
    return Files.writeString(file, text);
  }

  /// With steps of three micro-batches and one of neutral text, dropout and clipping.
  static TrainingOptions options(Path base, Path data, Path output) throws IOException {
    Path neutral = output.resolveSibling("neutral.txt");
    Files.writeString(neutral, "a b c d e f g h\n".repeat(20));
    return new TrainingOptions()
        .model(base)
        .data(data)
        .output(output)
        .set(Settings.CONTEXT, 48)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1)
        .set(Settings.RANK, RankChoice.of(4))
        .set(Settings.LEARNING_RATE, 5e-3)
        .set(Settings.DROPOUT, 0.1)
        .set(Settings.ACCUMULATE, 3)
        .set(Settings.KEEP_BASE, 0.5)
        .set(Settings.NEUTRAL, neutral)
        .set(Settings.STEPS, 4);
  }
}
