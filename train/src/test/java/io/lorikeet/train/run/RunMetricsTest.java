package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
}
