package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Reads the head of a GGUF file, version 2 or 3 (`gguf.h` describes the format), believing nothing
/// it says before it is checked: whatever the bytes, the outcome is a valid header or an
/// [InvalidInputException].
final class GgufHeaderReader {
  /// `GGUF`, read as a little-endian int32.
  static final int MAGIC = 0x46554747;

  /// Larger models than any there is; so that a false count can't fill the memory.
  private static final int MOST_TENSORS = 1 << 17;

  private static final int MOST_KEYS = 1 << 17;

  /// Of one array, as in `gguf.cpp`.
  private static final int MOST_ELEMENTS = 1 << 30;

  /// One or two too many may be a tensor that ggml can't hold; more means that this isn't a
  /// tensor's entry.
  private static final int MOST_DIMENSIONS_READ = 16;

  /// A key of one letter (9), a type (4) and a value of one byte.
  private static final int LEAST_BYTES_OF_KEY = 14;

  /// A name of one letter (9), dimensions (4), type (4), offset (8).
  private static final int LEAST_BYTES_OF_TENSOR = 25;

  private final GgufCursor cursor;
  private final MemorySegment bytes;
  private final String file;

  private GgufHeaderReader(MemorySegment bytes, String file) {
    this.cursor = new GgufCursor(bytes, file);
    this.bytes = bytes;
    this.file = file;
  }

  /// Reads and checks a header.
  ///
  /// @param bytes the file
  /// @param file its name, for messages
  /// @param withData whether the tensors' data has to be there as well
  static GgufHeader read(MemorySegment bytes, String file, boolean withData) {
    return new GgufHeaderReader(bytes, file).read(withData);
  }

  private GgufHeader read(boolean withData) {
    if (bytes.byteSize() < Integer.BYTES || bytes.get(LittleEndian.INT, 0) != MAGIC) {
      throw invalid(ForeignFile.describe(bytes));
    }
    cursor.int32();
    int version = version();
    cursor.at("the header");
    // The tensors are counted first but come last, so both counts are checked against what is left
    // here already.
    long tensorCount = cursor.count("tensors", LEAST_BYTES_OF_TENSOR, MOST_TENSORS);
    long keyCount = cursor.count("metadata keys", LEAST_BYTES_OF_KEY, MOST_KEYS);
    GgufMetadata metadata = metadata(keyCount);
    long alignment = alignment(metadata);
    List<RawTensor> raw = new ArrayList<>();
    for (long i = 0; i < tensorCount; i++) {
      raw.add(tensor(i));
    }
    TensorLayout layout =
        new TensorLayout(
            GgufRules.padded(cursor.position(), alignment), alignment, bytes.byteSize(), withData);
    return new GgufHeader(version, metadata, layout.check(file, raw));
  }

  private int version() {
    int version = cursor.int32();
    if (version == 2 || version == 3) {
      return version;
    }
    if (version == 1) {
      throw invalid(
          "this is GGUF version 1, which llama.cpp no longer reads. Convert the model again");
    }
    if ((version & 0xffff) == 0 && version != 0) {
      throw invalid(ForeignFile.BIG_ENDIAN);
    }
    throw invalid(
        "GGUF version %s isn't known, only 2 and 3. The file is damaged or newer than this program"
            .formatted(Integer.toUnsignedString(version)));
  }

  private InvalidInputException invalid(String problem) {
    return new InvalidInputException(file + ": " + problem);
  }

  private GgufMetadata metadata(long count) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    for (long i = 0; i < count; i++) {
      cursor.at("metadata key " + (i + 1) + " of " + count);
      byte[] name = cursor.string(GgufRules.MAX_NAME);
      String printable = GgufRules.printable(name);
      Optional<String> problem = GgufRules.problemOfKey(name);
      if (problem.isPresent()) {
        throw cursor.error("the metadata key '%s' %s", printable, problem.get());
      }
      cursor.at("the value of key '" + printable + "'");
      GgufValue value = value(printable);
      if (values.putIfAbsent(new String(name, StandardCharsets.UTF_8), value) != null) {
        throw cursor.error("the metadata has the key '%s' twice", printable);
      }
    }
    return new GgufMetadata(file, values);
  }

  /// @param key for messages
  private GgufValue value(String key) {
    GgufType type = type(key);
    return switch (type) {
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 ->
          new GgufValue.Int(type, cursor.integer(type));
      case FLOAT32, FLOAT64 -> new GgufValue.Real(type, cursor.real(type));
      case BOOL -> new GgufValue.Bool(cursor.integer(GgufType.UINT8) != 0);
      case STRING -> new GgufValue.TextValue(cursor.string(GgufCursor.MOST_TEXT));
      case ARRAY -> array(key);
    };
  }

  private GgufValue array(String key) {
    GgufType type = type(key);
    if (type == GgufType.ARRAY) {
      throw invalid("key '" + key + "' is an array of arrays, which ggml can't read. Leave it out");
    }
    long count =
        cursor.count(
            "elements", type == GgufType.STRING ? Long.BYTES : type.bytes(), MOST_ELEMENTS);
    return new GgufValue.Array(type, count, cursor.elements(type, count));
  }

  private GgufType type(String key) {
    int id = cursor.int32();
    return GgufType.byId(id)
        .orElseThrow(() -> cursor.error("key '%s' has a value of unknown type %s", key, id));
  }

  private long alignment(GgufMetadata metadata) {
    GgufValue value = metadata.value(GgufRules.ALIGNMENT_KEY).orElse(null);
    if (value == null) {
      return GgufRules.DEFAULT_ALIGNMENT;
    }
    Optional<String> problem = GgufRules.problemOfAlignment(value);
    if (problem.isPresent()) {
      throw invalid(problem.get() + ". Convert the model again");
    }
    return metadata.requireInteger(GgufRules.ALIGNMENT_KEY);
  }

  private RawTensor tensor(long index) {
    cursor.at("the entry of tensor " + (index + 1));
    byte[] name = cursor.string(GgufRules.MAX_NAME);
    String printable = GgufRules.printable(name);
    cursor.at("the entry of tensor '" + printable + "'");
    int dimensions = cursor.int32();
    if (dimensions < 0 || dimensions > MOST_DIMENSIONS_READ) {
      throw cursor.error(
          "tensor '%s' claims %s dimensions; ggml knows at most 4",
          printable, Integer.toUnsignedString(dimensions));
    }
    List<Long> shape = new ArrayList<>();
    for (int i = 0; i < dimensions; i++) {
      shape.add(cursor.int64());
    }
    return new RawTensor(name, shape, cursor.int32(), cursor.int64());
  }

  /// A tensor's entry as it stands in the file.
  ///
  /// @param offset bytes from the beginning of the data, uint64
  record RawTensor(byte[] name, List<Long> shape, int type, long offset) {}
}
