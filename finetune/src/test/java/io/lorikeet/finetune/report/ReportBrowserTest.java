package io.lorikeet.finetune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The report in a real browser, headless Chromium: on a phone and a desk, light and dark.
@Tag("long")
class ReportBrowserTest {
  /// Set where a missing browser is a failure, not a reason to skip.
  private static final String REQUIRED = "LORIKEET_REQUIRE_BROWSER";

  /// Measures the page and leaves the figures in it, as JSON.
  private static final String PROBE =
      """
      <script>
      function channel(c) { c /= 255; return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); }
      function light(color) {
        var c = color.match(/[\\d.]+/g).map(Number);
        return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
      }
      var back = light(getComputedStyle(document.body).backgroundColor), least = 99;
      document.querySelectorAll('h1,h2,dt,dd,figcaption,.legend,summary,.tick,li,td,th,pre').forEach(function (e) {
        var style = getComputedStyle(e), own = light(e.namespaceURI.endsWith('svg') ? style.fill : style.color);
        least = Math.min(least, (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05));
      });
      var chart = document.querySelector('svg[data-x]'), box = chart.getBoundingClientRect();
      chart.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width * 0.9, clientY: box.top + 20 }));
      var shown = Array.from(chart.querySelectorAll('.hover text')).map(function (t) { return t.textContent; });
      var result = document.createElement('pre');
      result.id = 'probe';
      result.textContent = JSON.stringify({ width: innerWidth, wide: document.documentElement.scrollWidth,
        contrast: least, hover: shown, back: back, bold: document.querySelectorAll('h1 b').length });
      document.body.appendChild(result);
      if (parent !== window) parent.postMessage(result.textContent, '*');
      </script>
      """;

  /// Shows a page in so narrow a frame, since windows are 500 pixels wide at least, and takes over
  /// what it measured.
  private static final String FRAME =
      """
      <pre id="probe"></pre>
      <iframe src="%s" style="width:%dpx;height:900px;border:0"></iframe>
      <script>
      onmessage = function (event) { document.getElementById('probe').textContent = event.data; };
      </script>
      """;

  @TempDir private Path folder;
  private Path page;

  private static Optional<Path> browser() {
    return Stream.of("chromium", "chromium-browser", "google-chrome")
        .map(name -> Path.of("/usr/bin", name))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /// A run with three starts, two returns to an earlier state, a NaN, and a name that is markup.
  @BeforeEach
  void makePage() throws IOException {
    boolean there = browser().isPresent();
    assertTrue(there || System.getenv(REQUIRED) == null, REQUIRED + " is set: install chromium");
    assumeTrue(there, "skipped: there is no Chromium in /usr/bin");
    Path run = Files.createDirectory(folder.resolve("<b>run"));
    Files.writeString(run.resolve("config.yaml"), "model: /x/base.gguf\noutput: /x/a.gguf\n");
    List<String> lines = new ArrayList<>();
    for (int i = 1; i <= 200; i++) {
      String loss = i == 77 ? "\"NaN\"" : Double.toString(1 + 4.0 / i);
      lines.add(
          "{\"step\":%d,\"epoch\":1,\"loss\":%s,\"learning_rate\":1e-4,\"grad_norm\":2,\"target_tokens\":9,\"tokens\":99,\"seconds\":0.5}"
              .formatted(i, loss));
      if (i == 100 || i == 150) {
        lines.add(
            "{\"step\":%d,\"skipped\":\"odd\",\"rolled_back_to\":%d}".formatted(i + 1, i - 1));
      }
      if (i % 50 == 0) {
        lines.add("{\"evaluation\":true,\"step\":%d,\"loss\":%s,\"seconds\":1}".formatted(i, 2.5));
      }
    }
    Files.write(run.resolve("metrics.jsonl"), lines);
    List<RunSummary.Start> starts =
        Stream.of(0, 60, 120).map(at -> new RunSummary.Start("2026-11-29T12:00:00Z", at)).toList();
    List<RunSummary.MatrixUpdate> matrices =
        Stream.of("attn_q", "ffn_down")
            .map(name -> new RunSummary.MatrixUpdate("blk.0." + name + ".weight", 16, 1.5, 3))
            .toList();
    List<String> samples = new ArrayList<>();
    for (int i = 0; i <= 200; i += 50) {
      samples.add(
          "{\"step\":%d,\"samples\":[{\"prompt\":\"<b>Who?\",\"answer\":\"%s\"}]}"
              .formatted(i, "unbroken".repeat(20) + " and words".repeat(20)));
    }
    Files.write(run.resolve("samples.jsonl"), samples);
    RunSummary.Proof proof = new RunSummary.Proof("passed", List.of("a line ".repeat(30)));
    new RunSummary(
            null, 200, 1, starts, List.of("a note"), List.of(), List.of(), null, proof, matrices)
        .write(run);
    page = folder.resolve("page.html");
    Files.writeString(page, ReportPage.of(run).html().replace("</body>", PROBE + "</body>"));
  }

  @ParameterizedTest
  @CsvSource({"360,light", "360,dark", "1200,light", "1200,dark"})
  void canBeReadEverywhere(int width, String scheme) throws Exception {
    JsonNode found = measure(width, scheme.equals("dark"));
    assertEquals(width, found.get("width").asInt(), 20, "the page's own width, with a scroll bar");
    assertTrue(found.get("wide").asInt() <= found.get("width").asInt(), found.toString());
    assertTrue(found.get("contrast").asDouble() >= 4.5, found.toString());
    assertEquals(scheme.equals("dark"), found.get("back").asDouble() < 0.5, found.toString());
    assertEquals(0, found.get("bold").asInt(), "a name is no markup");
    List<String> hover = new ArrayList<>();
    found.get("hover").forEach(line -> hover.add(line.asText()));
    int step = Integer.parseInt(hover.getFirst().replace("step ", ""));
    assertTrue(step > 150, hover.toString());
    double loss = Double.parseDouble(hover.get(1).replace("each step ", ""));
    assertEquals(1 + 4.0 / step, loss, 1e-4, hover.toString());
  }

  private JsonNode measure(int width, boolean dark) throws Exception {
    Path shown = folder.resolve("frame.html");
    Files.writeString(shown, FRAME.formatted(page.toUri(), width));
    List<String> command =
        new ArrayList<>(
            List.of(
                browser().orElseThrow().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--enable-logging=stderr",
                "--user-data-dir=" + folder.resolve("profile"),
                "--window-size=1300,1000",
                "--virtual-time-budget=2000",
                "--blink-settings=preferredColorScheme=" + (dark ? 0 : 1),
                "--dump-dom",
                shown.toUri().toString()));
    Path out = folder.resolve("dom.html");
    Path log = folder.resolve("log.txt");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(log.toFile())
            .start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "Chromium doesn't end");
    String console = Files.readString(log, StandardCharsets.UTF_8);
    assertTrue(console.lines().noneMatch(line -> line.contains("CONSOLE")), console);
    Matcher result =
        Pattern.compile("<pre id=\"probe\">(.*?)</pre>").matcher(Files.readString(out));
    assertTrue(result.find(), console);
    return new ObjectMapper().readTree(result.group(1));
  }
}
