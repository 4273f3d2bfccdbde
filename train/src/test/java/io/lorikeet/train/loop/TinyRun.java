package io.lorikeet.train.loop;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;

/// Runs that take a second: a data set of two dozen short lines, and settings for a random base.
public final class TinyRun {
  public static final int CONTEXT = 48;

  private TinyRun() {}

  /// Lines of a prompt and a completion that follows from it.
  public static Path data(Path file, int lines, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < lines; i++) {
      String word = "abcdefgh".charAt(random.nextInt(8)) + "" + random.nextInt(10);
      text.append("{\"prompt\": \"say %s\", \"completion\": \" %s said\"}\n".formatted(word, word));
    }
    return Files.writeString(file, text);
  }

  /// On the CPU, with one thread: two would only wait for each other.
  public static TrainingOptions options(Path base, Path data, Path output) {
    return new TrainingOptions()
        .model(base)
        .data(data)
        .output(output)
        .set(Settings.CONTEXT, CONTEXT)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1)
        .set(Settings.RANK, RankChoice.of(4))
        .set(Settings.LEARNING_RATE, 5e-3)
        .set(Settings.ACCUMULATE, 2)
        .set(Settings.STEPS, 3);
  }

  /// Replaces the first value of an F32 tensor in a file.
  public static void poison(Path base, String tensor, float value) throws IOException {
    long offset;
    try (GgufFile file = GgufFile.open(base)) {
      offset = file.tensor(tensor).orElseThrow().offset();
    }
    ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putFloat(value).flip();
    try (FileChannel channel = FileChannel.open(base, StandardOpenOption.WRITE)) {
      channel.write(bytes, offset);
    }
  }
}
