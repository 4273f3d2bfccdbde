package io.lorikeet.train.data.files;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/// Unpacks gzip (RFC 1952), all its members. Java's own stream takes a further member that is
/// damaged or cut off for the end of the file.
final class GzipMembers extends InputStream {
  private static final int EXTRA = 4; // flags of a header
  private static final int NAME = 8;
  private static final int COMMENT = 16;
  private static final int CHECKSUM = 2;

  private final InputStream input;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 sum = new CRC32();
  private final byte[] buffer = new byte[1 << 14];
  private int position;
  private int limit;
  private boolean ended;

  /// @param input at its beginning, which is that of a member
  GzipMembers(InputStream input) throws IOException {
    this.input = input;
    readHeader(required(), required());
  }

  /// Something follows the last member.
  static final class TrailingException extends IOException {
    private static final long serialVersionUID = 1;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] bytes, int offset, int count) throws IOException {
    while (!ended && count > 0) {
      int read;
      try {
        read = inflater.inflate(bytes, offset, count);
      } catch (DataFormatException e) {
        throw new ZipException(e.getMessage());
      }
      if (read > 0) {
        sum.update(bytes, offset, read);
        return read;
      }
      if (inflater.needsDictionary()) {
        throw new ZipException("gzip has no dictionaries");
      } else if (inflater.finished()) {
        endMember();
      } else if (inflater.needsInput()) {
        if (position == limit && !fill()) {
          throw new EOFException();
        }
        inflater.setInput(buffer, position, limit - position);
        position = limit;
      }
    }
    return count == 0 ? 0 : -1;
  }

  private void endMember() throws IOException {
    position = limit - inflater.getRemaining();
    long wanted = little(4);
    long length = little(4);
    if (wanted != sum.getValue() || length != (inflater.getBytesWritten() & 0xFFFFFFFFL)) {
      throw new ZipException("the checksum is wrong");
    }
    int next = next();
    while (next == 0) { // tapes and block devices pad files with these
      next = next();
      if (next > 0) {
        throw new TrailingException();
      }
    }
    if (next < 0) {
      ended = true;
    } else {
      readHeader(next, required());
    }
  }

  private void readHeader(int first, int second) throws IOException {
    if (first != 0x1F || second != 0x8B) {
      throw new TrailingException();
    }
    int method = required();
    int flags = required();
    if (method != 8) {
      throw new ZipException("unknown method");
    }
    skip(6); // the time, the compressor's effort, the system
    if ((flags & EXTRA) != 0) {
      skip((int) little(2));
    }
    for (int text = flags & (NAME | COMMENT); text != 0; text &= text - 1) {
      while (required() != 0) {
        // to the end of the text
      }
    }
    if ((flags & CHECKSUM) != 0) {
      skip(2);
    }
    inflater.reset();
    sum.reset();
  }

  private void skip(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      required();
    }
  }

  private long little(int bytes) throws IOException {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) required() << (8 * i);
    }
    return value;
  }

  private int required() throws IOException {
    int next = next();
    if (next < 0) {
      throw new EOFException();
    }
    return next;
  }

  private int next() throws IOException {
    return position == limit && !fill() ? -1 : buffer[position++] & 0xFF;
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(0, input.read(buffer));
    return limit > 0;
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    input.close();
  }
}
