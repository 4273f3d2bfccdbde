package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunMetricsTest {
  @TempDir private Path run;

  @Test
  void sumsARunWithAStepThatWasTakenTwiceAndOneLeftOut() throws IOException {
    StringBuilder lines = new StringBuilder();
    lines.append("{\"evaluation\":true,\"step\":0,\"loss\":5.0,\"seconds\":1.5}\n");
    lines.append(step(1, 9, 10)).append(step(2, 100, 10));
    lines.append("{\"step\":2,\"skipped\":\"odd\",\"skipped_steps\":1,\"rolled_back_to\":1}\n");
    for (int number = 2; number <= 20; number++) {
      lines.append(step(number, number <= 2 ? 6 : number, number <= 2 ? 20 : 10));
    }
    lines.append("{\"evaluation\":true,\"step\":10,\"loss\":2.0,\"seconds\":1}\n");
    lines.append("{\"evaluation\":true,\"step\":20,\"loss\":3.0,\"seconds\":1}\n");
    Files.writeString(run.resolve("metrics.jsonl"), lines);
    RunMetrics metrics = RunMetrics.read(run);
    assertEquals(20, metrics.steps().size());
    assertEquals(2, metrics.averaged());
    assertEquals(7, metrics.firstLoss(), 1e-12); // (9 · 10 + 6 · 20) / 30
    assertEquals(19.5, metrics.lastLoss(), 1e-12);
    assertEquals(210, metrics.targets());
    assertEquals(420, metrics.tokens());
    assertEquals(10, metrics.seconds(), 1e-12);
    assertEquals(3.5, metrics.validationSeconds(), 1e-12);
    assertEquals(10, metrics.best().orElseThrow().step());
  }

  private static String step(int number, double loss, int targets) {
    return "{\"step\":%d,\"loss\":%s,\"target_tokens\":%d,\"tokens\":%d,\"seconds\":0.5}\n"
        .formatted(number, loss, targets, 2 * targets);
  }

  private static String line(int number, String loss) {
    return "{\"step\":%d,\"epoch\":0.5,\"loss\":%s,\"learning_rate\":1.0E-4,\"grad_norm\":2,\"target_tokens\":3,\"tokens\":4,\"seconds\":0.25,\"tokens_per_second\":16.0}\n"
        .formatted(number, loss);
  }

  private static List<Double> losses(RunMetrics metrics) {
    return metrics.steps().stream().map(RunMetrics.Step::loss).toList();
  }

  @Test
  void readsOnlyWhatWasAdded() throws IOException {
    Path file = run.resolve("metrics.jsonl");
    MetricsReader reader = new MetricsReader(run);
    Files.writeString(file, line(1, "1.5") + line(2, "\"NaN\"") + line(3, "3.5").substring(0, 40));
    RunMetrics first = reader.read();
    assertEquals(List.of(1.5, Double.NaN), losses(first));
    assertEquals(
        new RunMetrics.Step(1, 0.5, 1.5, 1e-4, 2, 3, 4, 0.25, Map.of()), first.steps().get(0));
    Files.writeString(file, line(3, "3.5").substring(40), StandardOpenOption.APPEND);
    assertEquals(List.of(1.5, Double.NaN, 3.5), losses(reader.read()));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap("####".getBytes(StandardCharsets.UTF_8)), 3);
    }
    Files.writeString(file, line(4, "4.5"), StandardOpenOption.APPEND);
    assertEquals(4, reader.read().steps().size(), "the beginning isn't read again");
    Files.writeString(
        file,
        "{\"step\":5,\"skipped\":\"odd\",\"rolled_back_to\":1}\n" + line(5, "7.5"),
        StandardOpenOption.APPEND);
    assertEquals(List.of(1.5, 7.5), losses(reader.read()));
    assertEquals(List.of(1.5, Double.NaN), losses(first), "what was given out stays");
    String anew = line(1, "9.5") + line(2, "8.5");
    Files.writeString(file, anew);
    assertEquals(List.of(9.5, 8.5), losses(reader.read()), "a run that was resumed cuts its file");
    Files.writeString(file, anew.replace("8.5", "6.5") + line(3, "5.5"));
    assertEquals(List.of(9.5, 6.5, 5.5), losses(reader.read()), "written anew, and longer");
    Files.writeString(file, "half\n", StandardOpenOption.APPEND);
    assertEquals(3, reader.read().steps().size());
    Files.writeString(file, line(4, "1"), StandardOpenOption.APPEND);
    for (int i = 0; i < 2; i++) {
      String message = assertThrows(InvalidInputException.class, reader::read).getMessage();
      assertTrue(message.contains("metrics.jsonl:4: "), message);
    }
  }

  @Test
  void readsALongFileInPieces() throws IOException {
    Path file = run.resolve("metrics.jsonl");
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 20_000; i++) {
      lines.append(line(i, i + ".5"));
    }
    Files.writeString(file, lines);
    MetricsReader reader = new MetricsReader(run, Duration.ZERO);
    List<Integer> counts = new ArrayList<>();
    do {
      counts.add(reader.read().steps().size());
      assertTrue(counts.size() < 10, counts + " and no end");
    } while (reader.shareRead() < 1);
    assertTrue(counts.size() > 2 && counts.getFirst() < 10_000, counts.toString());
    assertEquals(20_000, counts.getLast());
    assertEquals(RunMetrics.read(run).steps(), reader.read().steps());
    Files.writeString(file, line(20_001, "1"), StandardOpenOption.APPEND);
    assertEquals(20_001, reader.read().steps().size());
  }

  @Test
  void readsNumbersAsAnyParserDoes() throws IOException {
    long seed = 11;
    SplittableRandom random = new SplittableRandom(seed);
    List<Double> expected = new ArrayList<>();
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 20_000; i++) {
      double loss = Math.exp(random.nextDouble(-60, 60)) * (random.nextBoolean() ? 1 : -1);
      if (i % 7 == 0) {
        loss = random.nextInt(1000);
      }
      expected.add(loss);
      lines.append(line(i, Double.toString(loss)));
    }
    lines.append(line(20_001, "123456789012345678901234567890"));
    lines.append(line(20_002, "-0"));
    lines.append(line(20_000, "5")); // taken again
    Files.writeString(run.resolve("metrics.jsonl"), lines);
    List<Double> read = losses(RunMetrics.read(run));
    assertEquals(20_002, read.size());
    for (int i = 0; i < 19_999; i++) {
      double difference = Math.abs(read.get(i) - expected.get(i));
      assertTrue(difference <= Math.ulp(expected.get(i)), expected.get(i) + ", seed " + seed);
    }
    assertEquals(5, read.get(19_999));
    assertEquals(1.2345678901234568e29, read.get(20_000));
  }
}
