package io.lorikeet.train.data.files;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/// The bytes of a file, unpacked where they are gzip or Zstandard, which their first bytes tell.
final class DataStream implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  private final Counting file;
  private final BufferedInputStream input;

  private DataStream(Counting file, BufferedInputStream input) {
    this.file = file;
    this.input = input;
  }

  /// Opens a file.
  ///
  /// @throws UnreadableException when it is packed and its first bytes are damaged
  static DataStream open(Path path) throws IOException {
    Counting file = new Counting(Files.newInputStream(path));
    BufferedInputStream raw = new BufferedInputStream(file, BUFFER);
    try {
      byte[] start = peek(raw, 4);
      InputStream unpacked = raw;
      if (startsWith(start, 0x1F, 0x8B)) {
        unpacked = new Unpacking(new GZIPInputStream(raw, BUFFER));
      } else if (startsWith(start, 0x28, 0xB5, 0x2F, 0xFD)) {
        unpacked = new Unpacking(new ZstdInputStream(raw));
      }
      return new DataStream(
          file, unpacked == raw ? raw : new BufferedInputStream(unpacked, BUFFER));
    } catch (UnreadableException e) {
      file.close();
      throw e;
    } catch (IOException e) {
      file.close();
      throw new UnreadableException(e);
    }
  }

  InputStream input() {
    return input;
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

  /// What is packed in the file is damaged or breaks off.
  static final class UnreadableException extends IOException {
    private static final long serialVersionUID = 1;

    UnreadableException(IOException cause) {
      super(
          "can't be unpacked: it breaks off or is damaged"
              + (cause.getMessage() == null ? "" : " (" + cause.getMessage() + ")"),
          cause);
    }
  }

  private static final class Counting extends FilterInputStream {
    private long count;

    Counting(InputStream input) {
      super(input);
    }

    @Override
    public int read() throws IOException {
      int next = super.read();
      count += next < 0 ? 0 : 1;
      return next;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int read = super.read(bytes, offset, length);
      count += Math.max(0, read);
      return read;
    }
  }

  /// Tells damage of what is packed from trouble with the disk.
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
