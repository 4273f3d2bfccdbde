package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A value of a GGUF file's metadata, with exactly the type it has in the file.
public sealed interface GgufValue {
  /// The type in the file; [GgufType#ARRAY] for arrays.
  GgufType type();

  /// A whole number of any width.
  ///
  /// @param value the number; a uint64 above 2^63 - 1 keeps its bits and so is negative here
  record Int(GgufType type, long value) implements GgufValue {
    public Int {
      boolean fits =
          switch (type) {
            case UINT8 -> value == (value & 0xff);
            case INT8 -> value == (byte) value;
            case UINT16 -> value == (value & 0xffff);
            case INT16 -> value == (short) value;
            case UINT32 -> value == (value & 0xffffffffL);
            case INT32 -> value == (int) value;
            case UINT64, INT64 -> true;
            case FLOAT32, BOOL, STRING, ARRAY, FLOAT64 ->
                throw new IllegalArgumentException(type + " is no integer");
          };
      if (!fits) {
        throw new IllegalArgumentException(value + " doesn't fit " + type);
      }
    }
  }

  /// A floating-point number, float32 or float64.
  record Real(GgufType type, double value) implements GgufValue {
    public Real {
      if (!type.isReal()) {
        throw new IllegalArgumentException(type + " is no floating-point number");
      }
    }
  }

  /// True or false.
  record Bool(boolean value) implements GgufValue {
    @Override
    public GgufType type() {
      return GgufType.BOOL;
    }
  }

  /// A string. It keeps the bytes of the file, so that copying it changes nothing even where they
  /// aren't UTF-8.
  final class TextValue implements GgufValue {
    private final byte[] bytes;

    public TextValue(String value) {
      this(value.getBytes(StandardCharsets.UTF_8));
    }

    TextValue(byte[] bytes) {
      this.bytes = bytes;
    }

    /// The string; bytes that aren't UTF-8 come out as U+FFFD.
    public String value() {
      return new String(bytes, StandardCharsets.UTF_8);
    }

    byte[] bytes() {
      return bytes;
    }

    @Override
    public GgufType type() {
      return GgufType.STRING;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof TextValue text && Arrays.equals(bytes, text.bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
      return "Text[" + value() + "]";
    }
  }

  /// An array of numbers, booleans or strings.
  ///
  /// An array of an open [GgufFile] is a slice of its mapping: nothing is copied until asked for,
  /// and it can't be read once the file is closed.
  final class Array implements GgufValue {
    private final GgufType elementType;
    private final long count;
    private final MemorySegment encoded;

    /// @param encoded the elements as they stand in a file, `count` of them exactly
    Array(GgufType elementType, long count, MemorySegment encoded) {
      this.elementType = elementType;
      this.count = count;
      this.encoded = encoded;
    }

    /// An array of strings.
    public static Array ofStrings(List<String> values) {
      List<byte[]> texts = new ArrayList<>(values.size());
      long size = 0;
      for (String value : values) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        texts.add(text);
        size += Long.BYTES + text.length;
      }
      ByteBuffer encoded = buffer(size);
      texts.forEach(text -> encoded.putLong(text.length).put(text));
      return new Array(GgufType.STRING, texts.size(), MemorySegment.ofArray(encoded.array()));
    }

    /// An array of float32.
    public static Array ofFloats(float... values) {
      ByteBuffer encoded = buffer((long) Float.BYTES * values.length);
      encoded.asFloatBuffer().put(values);
      return new Array(GgufType.FLOAT32, values.length, MemorySegment.ofArray(encoded.array()));
    }

    /// An array of int32.
    public static Array ofInts(int... values) {
      return ofInts(GgufType.INT32, values);
    }

    /// An array of uint32.
    public static Array ofUint32s(int... values) {
      return ofInts(GgufType.UINT32, values);
    }

    /// An array of bool.
    public static Array ofBools(boolean... values) {
      ByteBuffer encoded = buffer(values.length);
      for (boolean value : values) {
        encoded.put((byte) (value ? 1 : 0));
      }
      return new Array(GgufType.BOOL, values.length, MemorySegment.ofArray(encoded.array()));
    }

    private static Array ofInts(GgufType type, int... values) {
      ByteBuffer encoded = buffer((long) Integer.BYTES * values.length);
      encoded.asIntBuffer().put(values);
      return new Array(type, values.length, MemorySegment.ofArray(encoded.array()));
    }

    private static ByteBuffer buffer(long size) {
      return ByteBuffer.allocate(Math.toIntExact(size)).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public GgufType type() {
      return GgufType.ARRAY;
    }

    /// The type of every element; never [GgufType#ARRAY].
    public GgufType elementType() {
      return elementType;
    }

    /// How many elements there are.
    public long count() {
      return count;
    }

    /// The elements as they stand in the file, read-only: numbers little-endian, strings each after
    /// its length (int64).
    public MemorySegment encoded() {
      return encoded.asReadOnly();
    }

    /// The strings of a string array; bytes that aren't UTF-8 come out as U+FFFD.
    ///
    /// @throws IllegalStateException when the elements aren't strings
    public List<String> strings() {
      check(elementType == GgufType.STRING, "strings");
      List<String> strings = new ArrayList<>(Math.toIntExact(count));
      long position = 0;
      for (long i = 0; i < count; i++) {
        long length = encoded.get(LittleEndian.LONG, position);
        byte[] text = encoded.asSlice(position + Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
        strings.add(new String(text, StandardCharsets.UTF_8));
        position += Long.BYTES + length;
      }
      return strings;
    }

    /// The numbers of an integer array of any width.
    ///
    /// @throws IllegalStateException when the elements aren't integers
    public long[] longs() {
      check(elementType.isInteger(), "integers");
      long[] values = new long[Math.toIntExact(count)];
      for (int i = 0; i < values.length; i++) {
        values[i] = LittleEndian.integer(encoded, elementType, (long) i * elementType.bytes());
      }
      return values;
    }

    /// The numbers of a float32 or float64 array.
    ///
    /// @throws IllegalStateException when the elements aren't floating-point numbers
    public double[] doubles() {
      check(elementType.isReal(), "floating-point numbers");
      double[] values = new double[Math.toIntExact(count)];
      for (int i = 0; i < values.length; i++) {
        values[i] = LittleEndian.real(encoded, elementType, (long) i * elementType.bytes());
      }
      return values;
    }

    private void check(boolean fits, String wanted) {
      if (!fits) {
        throw new IllegalStateException("an array of " + elementType + " holds no " + wanted);
      }
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Array array
          && elementType == array.elementType
          && count == array.count
          && encoded.mismatch(array.encoded) == -1;
    }

    @Override
    public int hashCode() {
      return 31 * elementType.hashCode() + Long.hashCode(count);
    }

    @Override
    public String toString() {
      return "Array[" + count + " of " + elementType + "]";
    }
  }
}
