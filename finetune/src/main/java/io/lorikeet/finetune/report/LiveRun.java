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
  /// The most time that a page waits for numbers, and between two drawings while there are more.
  static final Duration READING = Duration.ofMillis(250);

  private final Path run;
  private final MetricsReader metrics;
  private final Duration reading;
  private List<String> shown = List.of();
  private String body = "";
  private String title;
  private long drawn;
  private boolean unreadable;

  LiveRun(Path run) {
    this(run, READING);
  }

  LiveRun(Path run, Duration reading) {
    this.run = run;
    this.reading = reading;
    metrics = new MetricsReader(run, reading);
    title = run.toString();
  }

  Path run() {
    return run;
  }

  /// The changing part of its report. A run that is being written may be unreadable for a moment.
  synchronized String body() throws IOException {
    List<String> now = stampsOfFiles();
    boolean more = !isRead() && System.nanoTime() - drawn >= reading.toNanos();
    if (!now.equals(shown) || more) {
      unreadable = false;
      try {
        ReportPage page = ReportPage.of(run, metrics);
        title = page.title();
        body = page.body();
        if (!isRead()) {
          body = body.replaceFirst("<main>", "<main>" + stillReading());
        }
      } catch (InvalidInputException e) {
        unreadable = true;
        body = "<main><p>" + Html.text(e.getMessage()) + "</p></main>";
      }
      shown = now;
      drawn = System.nanoTime();
    }
    return body;
  }

  /// Whether all numbers were read that were there, or can't be.
  synchronized boolean isRead() throws IOException {
    return unreadable || metrics.shareRead() == 1;
  }

  private String stillReading() throws IOException {
    return "<p>%d %% of %s are read so far.</p>\n"
        .formatted((int) (100 * metrics.shareRead()), RunFiles.METRICS);
  }

  /// The run's name, as its report had it when it was drawn last.
  synchronized String title() {
    return title;
  }

  /// Texts that change with the files that a report is made of, with the run's state, and with what
  /// was read of it.
  List<String> stamps() throws IOException {
    List<String> stamps = stampsOfFiles();
    stamps.add("read: " + metrics.shareRead());
    return stamps;
  }

  private List<String> stampsOfFiles() {
    List<String> stamps = new ArrayList<>();
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
