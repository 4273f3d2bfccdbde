package io.lorikeet.quant;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Puts together the bytes of GGUF files field by field, wrong ones too, without the writer.
final class GgufBytes {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /// The beginning of a file of version 3.
  static GgufBytes header(long tensors, long keys) {
    return new GgufBytes().text("GGUF").int32(3).int64(tensors).int64(keys);
  }

  GgufBytes int32(int value) {
    return raw(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  GgufBytes int64(long value) {
    return raw(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  /// Letters without a length before them.
  GgufBytes text(String value) {
    return raw(value.getBytes(StandardCharsets.UTF_8));
  }

  GgufBytes string(String value) {
    return string(value.getBytes(StandardCharsets.UTF_8));
  }

  GgufBytes string(byte[] value) {
    return int64(value.length).raw(value);
  }

  /// A key and its type; the value has to follow.
  GgufBytes key(String name, GgufType type) {
    return string(name).int32(type.id());
  }

  /// A tensor's entry.
  GgufBytes tensor(String name, int type, long offset, long... shape) {
    string(name).int32(shape.length);
    for (long dimension : shape) {
      int64(dimension);
    }
    return int32(type).int64(offset);
  }

  /// Zeros up to the next multiple of 32, and then `size` more.
  GgufBytes data(int size) {
    return raw(new byte[(32 - bytes.size() % 32) % 32 + size]);
  }

  GgufBytes raw(byte... value) {
    bytes.writeBytes(value);
    return this;
  }

  byte[] toArray() {
    return bytes.toByteArray();
  }
}
