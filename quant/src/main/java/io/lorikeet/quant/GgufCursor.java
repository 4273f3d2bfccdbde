package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Reads a GGUF header's fields one after the other. Every length and count is checked against the bytes that are left
/// before anything is read, skipped or allocated.
final class GgufCursor {
  private final MemorySegment bytes;
  private final String file;
  private long position;
  private String place = "the header";

  GgufCursor(MemorySegment bytes, String file) {
    this.bytes = bytes;
    this.file = file;
  }

  /// Says what is being read, for messages.
  void at(String place) {
    this.place = place;
  }

  long position() {
    return position;
  }

  long remaining() {
    return bytes.byteSize() - position;
  }

  int int32() {
    need(Integer.BYTES);
    int value = bytes.get(LittleEndian.INT, position);
    position += Integer.BYTES;
    return value;
  }

  long int64() {
    need(Long.BYTES);
    long value = bytes.get(LittleEndian.LONG, position);
    position += Long.BYTES;
    return value;
  }

  /// A count of things of at least `minimumBytes` each, as many as can still follow.
  ///
  /// @param things what is counted, for messages
  long count(String things, int minimumBytes) {
    long count = int64();
    if (count < 0 || count > remaining() / minimumBytes) {
      throw error(
          place + " claims " + Long.toUnsignedString(count) + " " + things + ", but only " + remaining()
              + " bytes follow");
    }
    return count;
  }

  /// The bytes of a string of at most `maximum` bytes.
  byte[] string(long maximum) {
    long length = count("bytes of text", 1);
    if (length > maximum) {
      throw error(place + " claims " + length + " bytes of text, more than the " + maximum + " allowed there");
    }
    return take(length).toArray(ValueLayout.JAVA_BYTE);
  }

  /// A whole number of this type.
  long integer(GgufType type) {
    return LittleEndian.integer(take(type.bytes()), type, 0);
  }

  /// A floating-point number of this type.
  double real(GgufType type) {
    return LittleEndian.real(take(type.bytes()), type, 0);
  }

  /// The bytes of `count` array elements of this type, which is no array.
  MemorySegment elements(GgufType type, long count) {
    if (type != GgufType.STRING) {
      return take(count * type.bytes()); // in bounds and so without overflow, by count()
    }
    long start = position;
    for (long i = 0; i < count; i++) {
      take(count("bytes of text", 1));
    }
    return bytes.asSlice(start, position - start);
  }

  private MemorySegment take(long length) {
    need(length);
    MemorySegment slice = bytes.asSlice(position, length);
    position += length;
    return slice;
  }

  private void need(long length) {
    if (length > remaining()) {
      throw error("the file ends inside " + place);
    }
  }

  /// What is wrong with the file and where.
  InvalidInputException error(String problem) {
    return new InvalidInputException(
        file + ": " + problem + " (at byte " + position + " of " + bytes.byteSize()
            + "). The file is damaged or incomplete: download or convert it again");
  }
}
