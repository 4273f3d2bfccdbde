package io.lorikeet.finetune.report;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LockFile;
import io.lorikeet.train.run.MetricsReader;
import io.lorikeet.train.settings.RunFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A run that is shown while it goes on. Of its numbers only those are read that were added, and
/// the page is made anew only when something has changed, however many ask for it. A long run is
/// shown as far as it was read.
final class LiveRun {
  /// The most time that a page waits for numbers.
  private static final Duration READING = Duration.ofMillis(250);

  private final Path run;
  private final MetricsReader metrics;
  private List<String> shown = List.of();
  private String body = "";
  private String title;

  LiveRun(Path run) {
    this(run, READING);
  }

  LiveRun(Path run, Duration reading) {
    this.run = run;
    metrics = new MetricsReader(run, reading);
    title = run.toString();
  }

  Path run() {
    return run;
  }

  /// The changing part of its report. A run that is being written may be unreadable for a moment.
  synchronized String body() throws IOException {
    List<String> now = stamps();
    if (!now.equals(shown) || !isRead()) {
      try {
        ReportPage page = ReportPage.of(run, metrics);
        title = page.title();
        body = page.body();
        if (!isRead()) {
          body = body.replaceFirst("<main>", "<main>" + stillReading());
        }
      } catch (InvalidInputException e) {
        body = "<main><p>" + Html.text(e.getMessage()) + "</p></main>";
      }
      shown = now;
    }
    return body;
  }

  /// Whether all numbers were read that were there.
  boolean isRead() throws IOException {
    return metrics.shareRead() == 1;
  }

  private String stillReading() throws IOException {
    return "<p>%d %% of %s are read so far.</p>\n"
        .formatted((int) (100 * metrics.shareRead()), RunFiles.METRICS);
  }

  /// The run's name, as its report has it.
  synchronized String title() throws IOException {
    body();
    return title;
  }

  /// Texts that change with the files that a report is made of, and with the run's state.
  List<String> stamps() throws IOException {
    List<String> stamps = new ArrayList<>();
    stamps.add("read: " + metrics.shareRead());
    for (String name :
        List.of(RunFiles.CONFIG, RunFiles.METRICS, RunFiles.SAMPLES, RunFiles.SUMMARY)) {
      Path file = run.resolve(name);
      try {
        stamps.add(name + " " + Files.getLastModifiedTime(file) + " " + Files.size(file));
      } catch (IOException _) {
        // not there
      }
    }
    stamps.add("running: " + LockFile.isHeld(run.resolve(RunFiles.LOCK)));
    return stamps;
  }
}
