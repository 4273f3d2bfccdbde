package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// GGUF files that notice when a bit of them has changed: their last tensor, `checksum.sha256` (I8
/// `[32]`), is the SHA-256 of every byte before it. Any GGUF program reads them.
///
/// They are written through a memory mapping. The temporary file is filled with zeros first: where
/// a disk is full, that is an [IOException], while a mapping could only end in an `InternalError`.
public final class ChecksummedGguf {
  private static final String CHECKSUM = "checksum.sha256";
  private static final int CHECKSUM_BYTES = 32;
  private static final int PIECE = 1 << 20;

  private ChecksummedGguf() {}

  /// Writes a file under a temporary name in the same folder, forces it to disk, renames it and
  /// forces the folder.
  ///
  /// @param writer the file's keys and tensors; the checksum is added to it
  /// @throws IOException when the disk refuses; there is then nothing new in the folder
  public static void write(GgufWriter writer, Path path) throws IOException {
    try (AtomicFile file = AtomicFile.create(path);
        Arena arena = Arena.ofConfined()) {
      try (FileChannel channel =
          FileChannel.open(file.path(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        Mapped mapped = new Mapped();
        writer.addTensor(
            CHECKSUM,
            TensorType.I8,
            new long[] {CHECKSUM_BYTES},
            target -> target.write(ByteBuffer.wrap(mapped.digest())));
        long size = writer.size();
        fillWithZeros(channel, size);
        mapped.bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
        writer.writeTo(mapped);
        mapped.bytes.force();
      } catch (IOException e) {
        throw AtomicFile.explain(path, e);
      } catch (InternalError e) {
        throw new IOException("can't write " + path + ": the disk took no more of it", e);
      }
      file.commit();
    }
  }

  private static void fillWithZeros(FileChannel channel, long size) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(size, PIECE));
    for (long left = size; left > 0; ) {
      zeros.clear().limit((int) Math.min(left, zeros.capacity()));
      left -= channel.write(zeros);
    }
  }

  /// Opens such a file and compares its checksum; the caller closes it.
  ///
  /// @throws InvalidInputException when it isn't a valid GGUF file, has no checksum or another one
  /// @throws IOException when it can't be read
  public static GgufFile open(Path path) throws IOException {
    GgufFile file = GgufFile.open(path);
    try {
      verify(file);
      return file;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static void verify(GgufFile file) {
    GgufTensor tensor = file.tensors().isEmpty() ? null : file.tensors().getLast();
    if (tensor == null
        || !tensor.name().equals(CHECKSUM)
        || tensor.bytes() != CHECKSUM_BYTES
        || file.paths().size() != 1) {
      throw new InvalidInputException(file.path() + ": the tensor " + CHECKSUM + " isn't its last");
    }
    byte[] found = file.data(tensor).toArray(ValueLayout.JAVA_BYTE);
    if (!MessageDigest.isEqual(found, sha256(file.before(tensor)))) {
      throw new InvalidInputException(
          file.path() + ": its bytes aren't those that were written, the checksum differs");
    }
  }

  private static byte[] sha256(MemorySegment bytes) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] piece = new byte[(int) Math.min(PIECE, bytes.byteSize())];
      for (long from = 0; from < bytes.byteSize(); from += piece.length) {
        int length = (int) Math.min(piece.length, bytes.byteSize() - from);
        MemorySegment.copy(bytes, from, MemorySegment.ofArray(piece), 0, length);
        digest.update(piece, 0, length);
      }
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /// The mapping as a channel.
  private static final class Mapped implements WritableByteChannel {
    private MemorySegment bytes = MemorySegment.NULL;
    private long position;

    byte[] digest() {
      return sha256(bytes.asSlice(0, position));
    }

    @Override
    public int write(ByteBuffer source) {
      int length = source.remaining();
      MemorySegment.copy(MemorySegment.ofBuffer(source), 0, bytes, position, length);
      source.position(source.limit());
      position += length;
      return length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }
}
