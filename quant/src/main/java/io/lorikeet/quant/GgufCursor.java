package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Reads a GGUF header's fields one after the other. Every length and count is checked against the
/// bytes that are left before anything is read, skipped or allocated.
final class GgufCursor {
  /// Bytes of all names and single strings of a file together; they are copied, and real files have
  /// a few hundred KB.
  static final int MOST_TEXT = 1 << 26;

  private final MemorySegment bytes;
  private final String file;
  private long position;
  private long text;
  private String place = "the header";

  GgufCursor(MemorySegment bytes, String file) {
    this.bytes = bytes;
    this.file = file;
  }

  /// Sets the name of the part being read, for messages.
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

  /// A count of things of at least `leastBytes` each, of which at most `most` are allowed and as
  /// many as can still follow.
  ///
  /// @param things plural name of the counted things, for messages
  long count(String things, int leastBytes, long most) {
    long count = int64();
    if (count < 0 || count > remaining() / leastBytes) {
      throw error(
          "%s claims %s %s, but only %s bytes follow",
          place, Long.toUnsignedString(count), things, remaining());
    }
    if (count > most) {
      throw error("%s claims %s %s; at most %s are allowed there", place, count, things, most);
    }
    return count;
  }

  /// The bytes of a string of at most `most` bytes.
  byte[] string(int most) {
    long length = count("bytes of text", 1, most);
    text += length;
    if (text > MOST_TEXT) {
      throw error("the names and strings up to %s have more than %s bytes", place, MOST_TEXT);
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
      long length = count("bytes of text", 1, Integer.MAX_VALUE);
      position += length;
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
      throw error("the file ends inside %s", place);
    }
  }

  /// An error with the problem and its place in the file.
  InvalidInputException error(String problem, Object... details) {
    return new InvalidInputException(
        "%s: %s (at byte %s of %s). The file is damaged or incomplete: download or convert it again"
            .formatted(file, problem.formatted(details), position, bytes.byteSize()));
  }
}
