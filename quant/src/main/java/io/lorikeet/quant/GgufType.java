package io.lorikeet.quant;

import java.util.Optional;

/// The types of GGUF metadata values, with their ids as in `gguf.h`.
public enum GgufType {
  UINT8(0, 1),
  INT8(1, 1),
  UINT16(2, 2),
  INT16(3, 2),
  UINT32(4, 4),
  INT32(5, 4),
  FLOAT32(6, 4),
  BOOL(7, 1),
  /// A length (uint64) and that many bytes of UTF-8.
  STRING(8, 0),
  /// An element type (uint32), a count (uint64) and that many elements.
  ARRAY(9, 0),
  UINT64(10, 8),
  INT64(11, 8),
  FLOAT64(12, 8);

  private static final GgufType[] BY_ID = values();

  private final int id;
  private final int bytes;

  GgufType(int id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  static Optional<GgufType> byId(int id) {
    return id < 0 || id >= BY_ID.length ? Optional.empty() : Optional.of(BY_ID[id]);
  }

  /// The value of `enum gguf_type`.
  public int id() {
    return id;
  }

  /// Bytes of one value in the file; 0 for strings and arrays, whose values differ in size.
  public int bytes() {
    return bytes;
  }

  boolean isInteger() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
      case FLOAT32, BOOL, STRING, ARRAY, FLOAT64 -> false;
    };
  }

  boolean isReal() {
    return this == FLOAT32 || this == FLOAT64;
  }
}
