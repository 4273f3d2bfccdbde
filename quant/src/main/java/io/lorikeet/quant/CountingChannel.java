package io.lorikeet.quant;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;

/// Counts what is written to a file, and holds each tensor's source to the bytes its tensor has.
final class CountingChannel implements WritableByteChannel {
  /// A file channel copies heap buffers to native ones of their size that it keeps, so they are
  /// written in pieces.
  private static final int PIECE = 1 << 20;

  private final WritableByteChannel target;
  private long written;
  private String tensor = "header";
  private long limit = Long.MAX_VALUE;

  CountingChannel(WritableByteChannel target) {
    this.target = target;
  }

  /// All bytes written up to now.
  long written() {
    return written;
  }

  /// From here on, `bytes` more may be written until the next call.
  void limit(String tensor, long bytes) {
    this.tensor = tensor;
    this.limit = Math.addExact(written, bytes);
  }

  void checkComplete() {
    if (written != limit) {
      throw new IllegalStateException(
          "the source of tensor '" + tensor + "' wrote " + (limit - written) + " bytes too few");
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int bytes = source.remaining();
    if (bytes > limit - written) {
      throw new IllegalStateException(
          "the source of tensor '"
              + tensor
              + "' writes "
              + (bytes - (limit - written))
              + " bytes too many");
    }
    int end = source.limit();
    while (source.position() < end) {
      source.limit(Math.min(end, source.position() + PIECE));
      while (source.hasRemaining()) {
        written += target.write(source);
      }
    }
    source.limit(end);
    return bytes;
  }

  @Override
  public boolean isOpen() {
    return target.isOpen();
  }

  /// Does nothing: the file is closed by who opened it, not by a tensor's source.
  @Override
  public void close() {}
}
