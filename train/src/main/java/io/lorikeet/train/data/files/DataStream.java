package io.lorikeet.train.data.files;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/// The bytes of a file, unpacked where they are gzip or Zstandard, which their first bytes tell.
/// Trouble with the file itself is an [UncheckedIOException], so that nobody takes it for damage.
final class DataStream implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  /// The largest window that `zstd --long` writes, as a power of two.
  private static final int LARGEST_WINDOW = 31;

  private final Counting file;
  private final BufferedInputStream input;
  private final boolean packed;

  private DataStream(Counting file, BufferedInputStream input, boolean packed) {
    this.file = file;
    this.input = input;
    this.packed = packed;
  }

  /// Reads a file from its beginning.
  ///
  /// @throws UnreadableException when it is packed and its first bytes are damaged
  static DataStream open(DataFile.FileContent content) throws IOException {
    Counting file = new Counting(content.stream());
    BufferedInputStream raw = new BufferedInputStream(file, BUFFER);
    try {
      byte[] start = peek(raw, 4);
      if (startsWith(start, 0x1F, 0x8B)) {
        return unpacking(file, new GzipMembers(raw));
      } else if (isZstandard(start)) {
        return unpacking(
            file, new ZstdInputStream(new LastByteApart(raw)).setLongMax(LARGEST_WINDOW));
      }
      return new DataStream(file, raw, false);
    } catch (UncheckedIOException e) {
      file.close();
      throw e;
    } catch (IOException e) {
      file.close();
      throw new UnreadableException(e);
    }
  }

  private static DataStream unpacking(Counting file, InputStream unpacked) {
    return new DataStream(file, new BufferedInputStream(new Unpacking(unpacked), BUFFER), true);
  }

  /// A frame of data, or one that is to be skipped and has another behind it (RFC 8878).
  private static boolean isZstandard(byte[] start) {
    return startsWith(start, 0x28, 0xB5, 0x2F, 0xFD)
        || start.length == 4
            && (start[0] & 0xF0) == 0x50
            && start[1] == 0x2A
            && start[2] == 0x4D
            && start[3] == 0x18;
  }

  InputStream input() {
    return input;
  }

  /// Whether the file is packed.
  boolean isPacked() {
    return packed;
  }

  /// Bytes of the file, packed as they are, that were read so far.
  long bytesRead() {
    return file.count;
  }

  /// The first bytes, which stay to be read.
  byte[] peek(int count) throws IOException {
    return peek(input, count);
  }

  @Override
  public void close() throws IOException {
    input.close();
  }

  private static byte[] peek(InputStream input, int count) throws IOException {
    input.mark(count);
    byte[] bytes = input.readNBytes(count);
    input.reset();
    return bytes;
  }

  private static boolean startsWith(byte[] bytes, int... wanted) {
    for (int i = 0; i < wanted.length; i++) {
      if (i >= bytes.length || (bytes[i] & 0xFF) != wanted[i]) {
        return false;
      }
    }
    return true;
  }

  /// The packed data of the file is damaged or breaks off.
  static final class UnreadableException extends IOException {
    private static final long serialVersionUID = 1;

    UnreadableException(IOException cause) {
      super(
          cause instanceof GzipMembers.TrailingException
              ? "can't be unpacked to its end: something that isn't gzip follows what is packed"
              : "can't be unpacked: it breaks off or is damaged",
          cause);
    }
  }

  private static final class Counting extends FilterInputStream {
    private long count;

    Counting(InputStream input) {
      super(input);
    }

    @Override
    public int read() {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      try {
        int read = super.read(bytes, offset, length);
        count += Math.max(0, read);
        return read;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /// Gives the last byte by itself: zstd-jni forgets that a further frame has begun unless it is
  /// given more of it, and would take one that breaks off for the end of the file.
  private static final class LastByteApart extends FilterInputStream {
    private int held; // the next byte, or -1 at the end

    LastByteApart(InputStream input) throws IOException {
      super(input);
      held = input.read();
    }

    @Override
    public int read() throws IOException {
      int next = held;
      held = next < 0 ? next : super.read();
      return next;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (held < 0 || length == 0) {
        return length == 0 ? 0 : -1;
      }
      bytes[offset] = (byte) held;
      int more = length == 1 ? 0 : super.read(bytes, offset + 1, length - 1);
      if (more <= 0) {
        held = super.read();
        return 1;
      }
      held = bytes[offset + more] & 0xFF;
      return more;
    }
  }

  /// Reports damage of the packed data.
  private static final class Unpacking extends FilterInputStream {
    Unpacking(InputStream input) {
      super(input);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      try {
        return super.read(bytes, offset, length);
      } catch (IOException e) {
        throw new UnreadableException(e);
      }
    }
  }
}
