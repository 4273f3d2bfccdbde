package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;

/// Writes the fields of a GGUF header through a small buffer.
final class GgufEncoder {
  private final WritableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

  GgufEncoder(WritableByteChannel channel) {
    this.channel = channel;
  }

  void int32(int value) throws IOException {
    room(Integer.BYTES).putInt(value);
  }

  void int64(long value) throws IOException {
    room(Long.BYTES).putLong(value);
  }

  void string(String value) throws IOException {
    string(value.getBytes(StandardCharsets.UTF_8));
  }

  private void string(byte[] value) throws IOException {
    int64(value.length);
    bytes(MemorySegment.ofArray(value));
  }

  /// A metadata value: its type's id and what follows.
  void value(GgufValue value) throws IOException {
    int32(value.type().id());
    switch (value) {
      case GgufValue.Int number -> {
        switch (number.type().bytes()) {
          case 1 -> room(1).put((byte) number.value());
          case 2 -> room(2).putShort((short) number.value());
          case 4 -> int32((int) number.value());
          default -> int64(number.value());
        }
      }
      case GgufValue.Real number -> {
        if (number.type() == GgufType.FLOAT32) {
          int32(Float.floatToRawIntBits((float) number.value()));
        } else {
          int64(Double.doubleToRawLongBits(number.value()));
        }
      }
      case GgufValue.Bool bool -> room(1).put((byte) (bool.value() ? 1 : 0));
      case GgufValue.TextValue text -> string(text.bytes());
      case GgufValue.Array array -> {
        int32(array.elementType().id());
        int64(array.count());
        bytes(array.encoded());
      }
    }
  }

  private void bytes(MemorySegment bytes) throws IOException {
    flush();
    TensorSource.of(bytes).writeTo(channel);
  }

  private ByteBuffer room(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
    return buffer;
  }

  void flush() throws IOException {
    channel.write(buffer.flip());
    buffer.clear();
  }
}
