package io.lorikeet.train.data.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// SHA-256 of a file, block by block, so that whoever reads the file later can tell from each block
/// that it still is the one that was hashed.
public final class FileHash {
  private static final int BLOCK = 1 << 20; // bytes

  private final long length;
  private final List<byte[]> blocks;

  private FileHash(long length, List<byte[]> blocks) {
    this.length = length;
    this.blocks = blocks;
  }

  /// Hashes a file.
  public static FileHash of(Path file) throws IOException {
    long length = 0;
    List<byte[]> blocks = new ArrayList<>();
    byte[] block = new byte[BLOCK];
    try (InputStream input = Files.newInputStream(file)) {
      for (int read = block.length; read == block.length; ) {
        read = input.readNBytes(block, 0, block.length);
        blocks.add(sha256(block, read));
        length += read;
      }
    }
    return new FileHash(length, blocks);
  }

  /// 32 bytes that stand for all of the file.
  public byte[] sum() {
    ByteBuffer all = ByteBuffer.allocate(Long.BYTES + blocks.size() * 32).putLong(length);
    blocks.forEach(all::put);
    return sha256(all.array(), all.capacity());
  }

  /// Passes on the bytes that were hashed. Bytes appended since stay out; any other change fails.
  ///
  /// @param file at its beginning
  /// @param name as people read it
  InputStream check(InputStream file, String name) {
    return new Checked(file, name);
  }

  private static byte[] sha256(byte[] bytes, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, 0, length);
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  private final class Checked extends InputStream {
    private final InputStream file;
    private final String name;
    private final byte[] block = new byte[(int) Math.min(BLOCK, length)];
    private int next; // number of the block to be read
    private int position;
    private int limit;

    Checked(InputStream file, String name) {
      this.file = file;
      this.name = name;
    }

    @Override
    public int read() throws IOException {
      return fill() ? block[position++] & 0xFF : -1;
    }

    @Override
    public int read(byte[] bytes, int offset, int count) throws IOException {
      if (count == 0 || !fill()) {
        return count == 0 ? 0 : -1;
      }
      int read = Math.min(count, limit - position);
      System.arraycopy(block, position, bytes, offset, read);
      position += read;
      return read;
    }

    private boolean fill() throws IOException {
      if (position == limit) {
        position = 0;
        long left = length - (long) next * BLOCK;
        limit = left <= 0 ? 0 : file.readNBytes(block, 0, (int) Math.min(BLOCK, left));
        if (left > 0 && !Arrays.equals(sha256(block, limit), blocks.get(next++))) {
          throw new IOException(name + " changed while it was read; start again once it is whole");
        }
      }
      return position < limit;
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
