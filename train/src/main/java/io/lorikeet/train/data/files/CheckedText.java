package io.lorikeet.train.data.files;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/// Passes bytes on as long as they are text in UTF-8 without NUL characters, and leaves out a byte
/// order mark at the beginning.
final class CheckedText extends FilterInputStream {
  private int line = 1;
  private int expected; // continuation bytes still to come of a character
  private int lowest = 0x80; // of the next continuation byte
  private int highest = 0xBF;

  /// @param input at its beginning; must support mark and reset
  CheckedText(InputStream input) throws IOException {
    super(input);
    input.mark(3);
    byte[] start = input.readNBytes(3);
    boolean mark =
        start.length == 3
            && start[0] == (byte) 0xEF
            && start[1] == (byte) 0xBB
            && start[2] == (byte) 0xBF;
    if (!mark) {
      input.reset();
    }
  }

  /// A line isn't text.
  static final class NotTextException extends IOException {
    private static final long serialVersionUID = 1;
    private final int line;

    NotTextException(int line, String message) {
      super(message);
      this.line = line;
    }

    /// Line of the file, from 1.
    int line() {
      return line;
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    int read = super.read(bytes, offset, length);
    if (read < 0 && expected > 0) {
      throw malformed();
    }
    for (int i = 0; i < read; i++) {
      check(bytes[offset + i] & 0xFF);
    }
    return read;
  }

  /// One byte, by table 3-7 of the Unicode Standard.
  private void check(int next) throws NotTextException {
    if (expected > 0) {
      if (next < lowest || next > highest) {
        throw malformed();
      }
      expected--;
      lowest = 0x80;
      highest = 0xBF;
    } else if (next == 0) {
      throw new NotTextException(line, "a NUL byte; expected text in UTF-8");
    } else if (next == '\n') {
      line++;
    } else if (next >= 0x80) {
      begin(next);
    }
  }

  private void begin(int first) throws NotTextException {
    if (first < 0xC2 || first > 0xF4) {
      throw malformed();
    }
    expected = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (first == 0xE0) {
      lowest = 0xA0;
    } else if (first == 0xED) {
      highest = 0x9F;
    } else if (first == 0xF0) {
      lowest = 0x90;
    } else if (first == 0xF4) {
      highest = 0x8F;
    }
  }

  private NotTextException malformed() {
    return new NotTextException(line, "isn't text in UTF-8");
  }
}
