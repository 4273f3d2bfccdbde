package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/// Gives a tensor's bytes when they are written, so that they need not all be in memory at once.
@FunctionalInterface
public interface TensorSource {
  /// Writes exactly the tensor's bytes: its rows one after the other, numbers little-endian.
  ///
  /// @throws IOException when they can't be read or written
  void writeTo(WritableByteChannel channel) throws IOException;

  /// The values of an F32 tensor. They are read when the file is written, not before.
  static TensorSource of(float[] values) {
    return channel -> {
      ByteBuffer piece = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
      int perPiece = piece.capacity() / Float.BYTES;
      for (int from = 0; from < values.length; from += perPiece) {
        int count = Math.min(perPiece, values.length - from);
        piece.clear().asFloatBuffer().put(values, from, count);
        channel.write(piece.limit(count * Float.BYTES));
      }
    };
  }

  /// A tensor's bytes as they stand in a file.
  static TensorSource of(byte[] bytes) {
    return channel -> channel.write(ByteBuffer.wrap(bytes));
  }

  /// A tensor's bytes as they stand in a file or in ggml's memory.
  static TensorSource of(MemorySegment bytes) {
    return channel -> {
      long piece = 1 << 20;
      for (long from = 0; from < bytes.byteSize(); from += piece) {
        channel.write(bytes.asSlice(from, Math.min(piece, bytes.byteSize() - from)).asByteBuffer());
      }
    };
  }
}
