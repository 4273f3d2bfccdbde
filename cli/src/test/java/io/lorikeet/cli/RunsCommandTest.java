package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.finetune.report.ReportPage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `runs`, `compare` and the bad input of `watch`, on folders that look like those of runs.
class RunsCommandTest {
  @TempDir private Path folder;

  @BeforeEach
  void makeRuns() throws IOException {
    run("a", 8, 3.5, 20);
    run("deeper/b", 16, 2.5, 10);
  }

  private Path run(String name, int rank, double validation, int seconds) throws IOException {
    Path run = Files.createDirectories(folder.resolve(name));
    Files.writeString(
        run.resolve("config.yaml"),
        "model: /x/base.gguf\ndata: /x/d.jsonl\noutput: /x/a.gguf\nrank: %d\n".formatted(rank));
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= 4; i++) {
      lines.append(
          "{\"step\":%d,\"loss\":%s,\"target_tokens\":10,\"tokens\":100,\"seconds\":%d}%n"
              .formatted(i, 5.0 - i, seconds));
    }
    lines.append(
        "{\"evaluation\":true,\"step\":4,\"loss\":%s,\"seconds\":1}%n".formatted(validation));
    Files.writeString(run.resolve("metrics.jsonl"), lines);
    return run;
  }

  @Test
  void listsThemInAnOrder() throws IOException {
    CommandRun named = CommandRun.of("runs", folder).assertSucceeds();
    assertTrue(named.out().indexOf("/a ") < named.out().indexOf("/b "), named.out());
    CommandRun sorted = CommandRun.of("runs", folder, "--sort", "loss").assertSucceeds();
    assertTrue(sorted.out().indexOf("/b ") < sorted.out().indexOf("/a "), sorted.out());
    JsonNode json =
        new ObjectMapper()
            .readTree(CommandRun.of("runs", folder, "--json", "--sort", "speed").out());
    assertEquals(10.0, json.get(0).get("tokens_per_second").asDouble());
    assertEquals(2.5, json.get(0).get("best_validation_loss").asDouble());
    assertEquals(16, json.get(0).get("settings").get("rank").asInt());
    CommandRun.of("runs", folder, "--sort", "los").assertFails(2, "--sort", "los");
  }

  @Test
  void printsNumbersForSpreadsheets() throws IOException {
    run("one, \"two\"", 4, 1.5, 5);
    List<String> lines =
        CommandRun.of("runs", folder, "--csv").assertSucceeds().out().lines().toList();
    assertEquals(1 + 3 * 5, lines.size());
    assertTrue(
        lines.getFirst().startsWith("run,step,epoch,loss,validation_loss,"), lines.getFirst());
    String name = folder.resolve("a").toString();
    assertEquals(name + ",4,NaN,1.0,,NaN,NaN,10,100,20.0", lines.get(4));
    assertEquals(name + ",4,,,3.5,,,,,1.0", lines.get(5));
    assertTrue(lines.getLast().contains("one, \"\"two\"\"\",4,,,1.5"), lines.getLast());
    CommandRun.of("runs", folder, "--csv", "--json").assertFails(2, "--csv");
  }

  @Test
  void showsNamesAndNotes() throws IOException {
    assertFalse(CommandRun.of("runs", folder).out().contains("note"), "none has any");
    Path a = folder.resolve("a");
    Files.writeString(
        a.resolve("config.yaml"),
        "\nname: first <b>\nnote: with old data\n",
        StandardOpenOption.APPEND);
    List<String> lines = CommandRun.of("runs", folder).assertSucceeds().out().lines().toList();
    assertTrue(lines.getFirst().strip().startsWith("name"), lines.toString());
    assertTrue(lines.getFirst().endsWith("note"), lines.toString());
    assertTrue(lines.get(1).startsWith("  first <b>  "), lines.toString());
    assertTrue(lines.get(1).endsWith("with old data"), lines.toString());
    Path page = folder.resolve("page.html");
    CommandRun run =
        CommandRun.of("compare", a, folder.resolve("deeper/b"), "--output", page).assertSucceeds();
    assertTrue(run.out().lines().findFirst().orElseThrow().contains("first <b>"), run.out());
    assertTrue(run.out().contains("training loss, smoothed: first <b>"), run.out());
    assertTrue(Files.readString(page).contains("first &lt;b&gt;"), "names are no markup");
    String report = ReportPage.of(a).html();
    assertTrue(report.contains("<title>first &lt;b&gt;"), report.substring(0, 500));
    assertTrue(report.contains("with old data"), "the note");
  }

  @Test
  void leavesOutTheBrokenOnesAloud() throws IOException {
    Files.writeString(folder.resolve("a/metrics.jsonl"), "no\nmetrics\n");
    CommandRun run = CommandRun.of("runs", folder).assertSucceeds();
    assertFalse(run.out().contains("/a "), run.out());
    assertTrue(run.err().contains("metrics.jsonl:1: "), run.err());
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertTrue(CommandRun.of("runs", empty).assertSucceeds().out().contains("there are no runs"));
    CommandRun.of("runs", folder.resolve("none")).assertFails(2, "none");
  }

  @Test
  void comparesThem() throws IOException {
    Path page = folder.resolve("page.html");
    Path a = folder.resolve("a");
    Path b = folder.resolve("deeper/b");
    CommandRun run = CommandRun.of("compare", a, b, "--output", page).assertSucceeds();
    List<String> rank = run.out().lines().filter(line -> line.strip().startsWith("rank")).toList();
    assertEquals(List.of("rank", "8", "16"), List.of(rank.getFirst().strip().split(" +")));
    assertFalse(run.out().contains("model "), "equal settings aren't listed");
    assertTrue(run.out().codePoints().anyMatch(c -> c > 0x2800 && c < 0x2900), run.out());
    String html = Files.readString(page);
    assertTrue(html.contains("data-points='1,4 2,"), html);
    JsonNode json =
        new ObjectMapper()
            .readTree(CommandRun.of("compare", a, b, "--json").assertSucceeds().out());
    assertEquals("[\"8\",\"16\"]", json.get("differences").get("rank").toString());
    assertEquals(4, json.get("runs").get(1).get("smoothed_losses").size(), json.toString());
    CommandRun.of("compare", a, b, "--output", page).assertFails(2, "page.html exists");
    CommandRun.of("compare", a, b, "--output", a.resolve("config.yaml"), "--force")
        .assertFails(2, "config.yaml, which is read");
    CommandRun.of("compare", a).assertFails(2, "two runs");
    CommandRun.of("compare", a, folder).assertFails(2, "holds no run");
  }

  @Test
  void watchRefusesWhatItCantServe() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    CommandRun.of("watch", empty).assertFails(2, "there is no run in");
    CommandRun.of("watch", folder, "--port", "70000").assertFails(2, "--port");
  }
}
