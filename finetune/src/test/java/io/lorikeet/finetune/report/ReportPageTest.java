package io.lorikeet.finetune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportPageTest {
  private static final Pattern POINTS =
      Pattern.compile("data-name='([^']*)' data-points='([^']*)'");

  @TempDir private Path folder;
  private Path run;

  @BeforeEach
  void begin() throws IOException {
    run = Files.createDirectory(folder.resolve("a <b>run & 'more'"));
    Files.writeString(
        run.resolve("config.yaml"),
        "model: /x/base.gguf\ndata: /x/<script>.jsonl\noutput: /x/a.gguf\nrank: 8\nalpha: 32\n");
  }

  private void metrics(String... lines) throws IOException {
    Files.writeString(run.resolve("metrics.jsonl"), String.join("\n", lines) + "\n");
  }

  private static String step(int number, String loss) {
    return "{\"step\":%d,\"epoch\":0.5,\"loss\":%s,\"learning_rate\":1e-4,\"grad_norm\":0.5,\"target_tokens\":10,\"tokens\":20,\"seconds\":0.5}"
        .formatted(number, loss);
  }

  private static String validation(int step, double loss) {
    return "{\"evaluation\":true,\"step\":%d,\"epoch\":1,\"loss\":%s,\"target_tokens\":5,\"seconds\":1}"
        .formatted(step, loss);
  }

  /// The points of the curves with a name, in the order of the page.
  private static List<double[]> points(String page, String name) {
    List<double[]> all = new ArrayList<>();
    Matcher matcher = POINTS.matcher(page);
    while (matcher.find() && all.isEmpty()) {
      if (matcher.group(1).equals(name)) {
        for (String point : matcher.group(2).strip().split(" ")) {
          String[] parts = point.split(",");
          all.add(new double[] {Double.parseDouble(parts[0]), Double.parseDouble(parts[1])});
        }
      }
    }
    return all;
  }

  @Test
  void showsTheNumbersOfTheMetrics() throws IOException {
    metrics(validation(0, 5), step(1, "4.5"), step(2, "4.25"), step(3, "4.125"), validation(3, 4));
    String page = Files.readString(ReportPage.of(run).write());
    List<double[]> losses = points(page, "each step");
    assertEquals(3, losses.size());
    assertEquals(2, losses.get(1)[0]);
    assertEquals(4.25, losses.get(1)[1]);
    assertEquals(4, points(page, "validation").getLast()[1]);
    assertTrue(page.contains("<td>4.125</td>"), page);
    assertTrue(page.contains("lowest 4 after step 3"), page);
    assertTrue(page.contains("<dt>rank</dt><dd>8</dd>"), "a setting that isn't its default");
    assertFalse(page.contains("<dt>alpha</dt>"), "32 is alpha's default");
    assertTrue(
        page.contains("<dt>data</dt><dd>/x/&lt;script&gt;.jsonl</dd>"), "no list's brackets");
  }

  @Test
  void nothingInItIsMarkupOrComesFromElsewhere() throws IOException {
    metrics(step(1, "4.5"));
    String page = ReportPage.of(run).html();
    assertFalse(page.contains("<b>run"), page);
    assertFalse(page.contains("<script>.jsonl"), page);
    assertTrue(page.contains("&lt;script&gt;.jsonl"), page);
    assertFalse(
        Pattern.compile("(src|href)=|url\\(|@import|https?://(?!www.w3.org)").matcher(page).find());
  }

  @Test
  void keepsEverySpikeOfALongRunWithinItsSize() throws IOException {
    long seed = 7;
    Random random = new Random(seed);
    StringBuilder lines = new StringBuilder();
    int steps = 100_000;
    int spike = 1 + random.nextInt(steps);
    for (int i = 1; i <= steps; i++) {
      double loss = i == spike ? 77.5 : 2 + random.nextDouble();
      lines.append(step(i, String.format(Locale.ROOT, "%.6f", loss))).append('\n');
      if (i % 100 == 0) {
        lines.append(validation(i, 2.5 + random.nextDouble())).append('\n');
      }
    }
    Files.writeString(run.resolve("metrics.jsonl"), lines);
    List<RunSummary.MatrixUpdate> matrices = new ArrayList<>();
    for (int layer = 0; layer < 80; layer++) {
      for (String kind :
          List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")) {
        matrices.add(
            new RunSummary.MatrixUpdate(
                "blk." + layer + "." + kind + ".weight", 16, random.nextDouble(), 3));
      }
    }
    new RunSummary(null, steps, 1, List.of(), List.of(), List.of(), List.of(), null, null, matrices)
        .write(run);
    String page = ReportPage.of(run).html();
    int bytes = page.getBytes(StandardCharsets.UTF_8).length;
    assertTrue(bytes <= 300_000, bytes + " bytes, seed " + seed);
    assertTrue(
        Curve.of("", range(steps), spiked(steps, spike)).buckets().stream()
            .anyMatch(bucket -> bucket.greatest() == 77.5),
        "seed " + seed);
    assertTrue(page.contains("blk.79.ffn_down.weight"), page.substring(0, 500));
  }

  private static double[] range(int steps) {
    return java.util.stream.IntStream.rangeClosed(1, steps).asDoubleStream().toArray();
  }

  private static double[] spiked(int steps, int spike) {
    double[] values = new double[steps];
    values[spike - 1] = 77.5;
    return values;
  }

  @Test
  void livesWithWhateverARunLeaves() throws IOException {
    ReportPage.of(run).html(); // no metrics yet
    Files.writeString(run.resolve("metrics.jsonl"), "");
    ReportPage.of(run).html();
    metrics(
        validation(0, 5),
        step(1, "\"NaN\""),
        step(2, "3"),
        "{\"step\":3,\"skipped\":\"loss is NaN\",\"skipped_steps\":1,\"rolled_back_to\":1}",
        step(2, "2.5"),
        "{\"step\":3,\"a later version's\":1}",
        step(3, "2") + "\n{\"step\":4,\"lo");
    String page = ReportPage.of(run).html();
    assertTrue(page.contains("step 3: loss is NaN, back to step 1"), page);
    List<double[]> losses = points(page, "each step");
    assertEquals(2.5, losses.getFirst()[1]);
    assertEquals(2, losses.getLast()[1]);
    assertTrue(page.contains("not running"), page);
  }

  @Test
  void refusesOtherFilesInWords() throws IOException {
    metrics(step(1, "4.5"), "half", step(2, "4.5"));
    InvalidInputException broken =
        assertThrows(InvalidInputException.class, () -> ReportPage.of(run));
    assertTrue(broken.getMessage().contains("metrics.jsonl:2: "), broken.getMessage());
    Files.writeString(run.resolve("summary.json"), "[");
    assertThrows(InvalidInputException.class, () -> ReportPage.of(run));
    assertThrows(InvalidInputException.class, () -> ReportPage.of(folder));
  }

  @Test
  void showsAnswersSideBySide() throws IOException {
    metrics(step(1, "4.5"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i <= 20; i++) {
      lines.append(
          "{\"step\":%d,\"seconds\":1,\"samples\":[{\"prompt\":\"<b>who\",\"answer\":\"I am %d%s\",\"tokens\":3,\"ended\":true}]}\n"
              .formatted(i, i, "x".repeat(i == 20 ? 100_000 : 0)));
    }
    Files.writeString(run.resolve("samples.jsonl"), lines + "{\"half");
    String page = ReportPage.of(run).html();
    for (int shown : List.of(5, 10, 15, 20)) {
      assertTrue(page.contains("<th scope=col>step " + shown + "</th>"), page);
    }
    assertFalse(page.contains("I am 4<"), "only five times");
    assertTrue(page.contains("<td>&lt;b&gt;who</td><td>I am 0</td><td>I am 5</td>"), page);
    assertTrue(page.length() < 300_000, page.length() + " characters");
    Files.writeString(run.resolve("samples.jsonl"), "no\n" + lines);
    assertThrows(InvalidInputException.class, () -> ReportPage.of(run));
  }

  @Test
  void numbersAreShort() {
    assertEquals("4.125", LineChart.number(4.125));
    assertEquals("0.33333", LineChart.number(1 / 3.0));
    assertEquals("1.000e-05", LineChart.number(1e-5));
    assertEquals("123456", LineChart.number(123456));
    assertEquals("-2.5", LineChart.number(-2.5));
    assertEquals("–", LineChart.number(Double.NaN));
    assertEquals("2", LineChart.number(1.9999999));
    assertEquals("3e-4", LineChart.tickText(3e-4));
    assertEquals("2.5e-4", LineChart.tickText(2.5e-4));
    assertEquals("1.2e6", LineChart.tickText(1_234_567));
    assertEquals("0", LineChart.tickText(0));
    assertEquals("4.125", LineChart.tickText(4.125));
  }
}
