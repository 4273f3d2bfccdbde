package io.lorikeet.train.data.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/// Reads a stream line by line as bytes, so that what isn't text can be told by its line.
final class ByteLines {
  /// Longest line; a line break that is missing in a large file must not fill the memory.
  static final int LONGEST = 64 << 20;

  private final InputStream input;
  private final byte[] buffer = new byte[1 << 16];
  private int position;
  private int limit;
  private int number;
  private boolean tooLong;
  private long read;

  ByteLines(InputStream input) {
    this.input = input;
  }

  /// The next line without its end; null at the end of the stream. Of a line longer than [#LONGEST]
  /// the beginning, see [#tooLong].
  byte @Nullable [] next() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    tooLong = false;
    boolean any = false;
    while (position < limit || fill()) {
      any = true;
      int end = position;
      while (end < limit && buffer[end] != '\n') {
        end++;
      }
      int room = Math.min(end - position, LONGEST - line.size());
      tooLong |= room < end - position;
      line.write(buffer, position, room);
      read += Math.min(end + 1, limit) - position;
      position = end + 1;
      if (end < limit) {
        break;
      }
    }
    number += any ? 1 : 0;
    return any ? line.toByteArray() : null;
  }

  /// Bytes of the lines that were read so far.
  long bytes() {
    return read;
  }

  /// Number of the line that was read last, from 1.
  int number() {
    return number;
  }

  /// Whether the line that was read last is longer than [#LONGEST].
  boolean tooLong() {
    return tooLong;
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = input.readNBytes(buffer, 0, buffer.length);
    return limit > 0;
  }
}
