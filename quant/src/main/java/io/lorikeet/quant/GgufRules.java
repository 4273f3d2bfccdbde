package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/// Rules of a valid GGUF file, for reading and writing alike. `gguf.cpp` checks the same.
///
/// Each check gives the problem in words, without the name of the key or tensor, or nothing.
final class GgufRules {
  static final String ALIGNMENT_KEY = "general.alignment";
  static final long DEFAULT_ALIGNMENT = 32;

  /// GGML_MAX_NAME, with the 0 at the end.
  private static final int MAX_TENSOR_NAME = 64;

  private static final int MAX_DIMENSIONS = 4;

  /// Bytes of a key, as in GGUF's specification.
  static final int MAX_NAME = 65535;

  private GgufRules() {}

  static Optional<String> problemOfKey(byte[] key) {
    return key.length > MAX_NAME
        ? Optional.of("is longer than " + MAX_NAME + " bytes")
        : problemOfCharacters(key);
  }

  static Optional<String> problemOfTensorName(byte[] name) {
    return name.length >= MAX_TENSOR_NAME
        ? Optional.of("is " + name.length + " bytes long; ggml allows " + (MAX_TENSOR_NAME - 1))
        : problemOfCharacters(name);
  }

  private static Optional<String> problemOfCharacters(byte[] name) {
    if (name.length == 0) {
      return Optional.of("is empty");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(name)).toString();
      return text.chars().anyMatch(Character::isISOControl)
          ? Optional.of("has control characters")
          : Optional.empty();
    } catch (CharacterCodingException e) {
      return Optional.of("isn't UTF-8");
    }
  }

  /// A name for messages, of at most 80 characters and safe to print.
  static String printable(byte[] name) {
    String text =
        new String(name, 0, Math.min(name.length, 240), StandardCharsets.UTF_8)
            .replaceAll("\\p{Cntrl}", "\ufffd");
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }

  static Optional<String> problemOfAlignment(GgufValue value) {
    if (!(value instanceof GgufValue.Int(GgufType type, long alignment))
        || type != GgufType.UINT32) {
      return Optional.of("key '" + ALIGNMENT_KEY + "' should be UINT32, but is " + value.type());
    }
    return alignment < 8 || Long.bitCount(alignment) != 1
        ? Optional.of(
            "key '%s' is %s; it must be a power of two of at least 8"
                .formatted(ALIGNMENT_KEY, alignment))
        : Optional.empty();
  }

  /// @param shape elements per dimension, ne0 first; at least one dimension
  static Optional<String> problemOfShape(TensorType type, List<Long> shape) {
    if (shape.size() > MAX_DIMENSIONS) {
      return Optional.of(
          "has " + shape.size() + " dimensions; ggml knows at most " + MAX_DIMENSIONS);
    }
    if (shape.stream().anyMatch(dimension -> dimension <= 0)) {
      return Optional.of("shape " + shape + " has a dimension that isn't positive");
    }
    if (shape.getFirst() % type.blockSize() != 0) {
      return Optional.of(
          "shape %s: a row of %s has a multiple of %s elements"
              .formatted(shape, type.ggmlName(), type.blockSize()));
    }
    try {
      shape.stream().reduce(1L, Math::multiplyExact);
      bytes(type, shape);
      return Optional.empty();
    } catch (ArithmeticException e) {
      return Optional.of("shape " + shape + " has more elements than 63 bits count");
    }
  }

  /// Bytes of a tensor whose shape has no problem.
  static long bytes(TensorType type, List<Long> shape) {
    long bytes = type.rowBytes(shape.getFirst());
    for (int i = 1; i < shape.size(); i++) {
      bytes = Math.multiplyExact(bytes, shape.get(i));
    }
    return bytes;
  }

  static long padded(long size, long alignment) {
    return Math.multiplyExact(Math.ceilDiv(size, alignment), alignment);
  }
}
