package io.lorikeet.train.data.files;

import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;

/// Tells of a large file how far it has been read, percent by percent.
final class ReadingProgress {
  private static final long LARGE = 4 << 20; // bytes

  private final String task;
  private final long total;
  private final TrainingListener listener;
  private long nextAt;

  /// @param total bytes of the file
  ReadingProgress(String file, long total, TrainingListener listener) {
    task = "reading " + file;
    this.total = total;
    this.listener = listener;
    nextAt = total < LARGE ? Long.MAX_VALUE : total / 100;
  }

  /// So many bytes are read.
  void at(long bytes) {
    if (bytes >= nextAt) {
      listener.on(new TrainingEvent.Progress(task, bytes, total));
      nextAt = bytes >= total ? Long.MAX_VALUE : Math.min(total, bytes + total / 100);
    }
  }

  /// A share of the file is read, from 0 to 1.
  void part(double share) {
    at((long) (share * total));
  }
}
