package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Writes a GGUF file of version 3, little-endian, as ggml's own reader wants it: tensors in the
/// order given, without gaps but the alignment's padding, the last one padded too.
///
/// Keys and tensors are collected first; [#write] then streams the tensors' bytes. Entries that a
/// valid file can't have are an [IllegalArgumentException] at once: names, types and shapes come
/// from the program, not from its user.
public final class GgufWriter {
  private final Map<String, GgufValue> values = new LinkedHashMap<>();
  private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();

  private record TensorEntry(
      String name, TensorType type, List<Long> shape, long bytes, TensorSource source) {}

  /// A file without keys and tensors yet.
  public GgufWriter() {}

  /// Sets a key's value, replacing the one it had. `general.alignment` (uint32; 32 without it) also
  /// sets the alignment of the tensors.
  public GgufWriter put(String key, GgufValue value) {
    GgufRules.problemOfKey(key.getBytes(StandardCharsets.UTF_8))
        .ifPresent(
            problem -> {
              throw new IllegalArgumentException("key '" + key + "' " + problem);
            });
    if (key.equals(GgufRules.ALIGNMENT_KEY)) {
      GgufRules.problemOfAlignment(value)
          .ifPresent(
              problem -> {
                throw new IllegalArgumentException(problem);
              });
    }
    values.put(key, value);
    return this;
  }

  /// Sets a string.
  public GgufWriter putString(String key, String value) {
    return put(key, new GgufValue.TextValue(value));
  }

  /// Sets a uint32, 0 to 2^32 - 1.
  public GgufWriter putUint32(String key, long value) {
    return put(key, new GgufValue.Int(GgufType.UINT32, value));
  }

  /// Sets an int32.
  public GgufWriter putInt32(String key, int value) {
    return put(key, new GgufValue.Int(GgufType.INT32, value));
  }

  /// Sets a uint64; a negative value stands for its bits.
  public GgufWriter putUint64(String key, long value) {
    return put(key, new GgufValue.Int(GgufType.UINT64, value));
  }

  /// Sets a float32.
  public GgufWriter putFloat32(String key, float value) {
    return put(key, new GgufValue.Real(GgufType.FLOAT32, value));
  }

  /// Sets a bool.
  public GgufWriter putBool(String key, boolean value) {
    return put(key, new GgufValue.Bool(value));
  }

  /// Sets an array of strings.
  public GgufWriter putStrings(String key, List<String> values) {
    return put(key, GgufValue.Array.ofStrings(values));
  }

  /// Sets an array of float32.
  public GgufWriter putFloats(String key, float... values) {
    return put(key, GgufValue.Array.ofFloats(values));
  }

  /// Sets an array of int32.
  public GgufWriter putInts(String key, int... values) {
    return put(key, GgufValue.Array.ofInts(values));
  }

  /// Sets all keys of another file with their exact types, in its order. The keys of split files
  /// (`split.*`) are left out, since this writes one file. The other file has to stay open until
  /// [#write].
  public GgufWriter copyMetadata(GgufMetadata metadata) {
    for (String key : metadata.keys()) {
      if (!key.startsWith("split.")) {
        put(key, metadata.value(key).orElseThrow());
      }
    }
    return this;
  }

  /// Adds a tensor.
  ///
  /// @param name at most 63 bytes, as ggml's names
  /// @param shape elements per dimension in ggml's order, ne0 first; 1 to 4 of them
  /// @param source writes the tensor's bytes when the file is written
  public GgufWriter addTensor(String name, TensorType type, long[] shape, TensorSource source) {
    GgufRules.problemOfTensorName(name.getBytes(StandardCharsets.UTF_8))
        .ifPresent(
            problem -> {
              throw new IllegalArgumentException("tensor '" + name + "': " + problem);
            });
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    if (shape.length == 0) {
      throw new IllegalArgumentException("tensor '" + name + "' has no shape");
    }
    GgufRules.problemOfShape(type, dimensions)
        .ifPresent(
            problem -> {
              throw new IllegalArgumentException("tensor '" + name + "': " + problem);
            });
    TensorEntry entry =
        new TensorEntry(name, type, dimensions, GgufRules.bytes(type, dimensions), source);
    if (tensors.putIfAbsent(name, entry) != null) {
      throw new IllegalArgumentException("there is already a tensor '" + name + "'");
    }
    return this;
  }

  /// Adds an F32 tensor.
  ///
  /// @param shape elements per dimension, ne0 first
  /// @param values as many as the shape has elements, row by row
  public GgufWriter addTensor(String name, long[] shape, float[] values) {
    long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    if (elements != values.length) {
      throw new IllegalArgumentException(
          "tensor '"
              + name
              + "' of shape "
              + Arrays.toString(shape)
              + " was given "
              + values.length
              + " values");
    }
    return addTensor(name, TensorType.F32, shape, TensorSource.of(values));
  }

  /// Writes the file: under a temporary name in the same folder, forced to disk, then renamed. When
  /// this throws, there is nothing new in the folder, and a file that was there is as it was.
  ///
  /// @throws IOException when the disk refuses (full, no such folder, no permission), or a source
  ///     does
  /// @throws IllegalStateException when a source writes more or fewer bytes than its tensor has
  public void write(Path path) throws IOException {
    try (AtomicFile file = AtomicFile.create(path)) {
      try (FileChannel channel = FileChannel.open(file.path(), StandardOpenOption.WRITE)) {
        writeTo(channel);
      } catch (IOException e) {
        throw AtomicFile.explain(path, e);
      }
      file.commit();
    }
  }

  /// Writes the head alone, as of a file whose data is still to come: [GgufFile#openHeader] reads
  /// it, and no tensor's source is asked.
  ///
  /// @throws IOException when the disk refuses
  public void writeHead(Path path) throws IOException {
    try (AtomicFile file = AtomicFile.create(path)) {
      try (FileChannel channel = FileChannel.open(file.path(), StandardOpenOption.WRITE)) {
        writeHead(new CountingChannel(channel));
      } catch (IOException e) {
        throw AtomicFile.explain(path, e);
      }
      file.commit();
    }
  }

  /// Bytes of the file as it is now.
  public long size() throws IOException {
    CountingChannel counter = new CountingChannel(Nowhere.CHANNEL);
    writeHead(counter);
    pad(counter, alignment());
    long size = counter.written();
    for (TensorEntry tensor : tensors.values()) {
      size = Math.addExact(size, GgufRules.padded(tensor.bytes(), alignment()));
    }
    return size;
  }

  /// Writes head and tensors.
  void writeTo(WritableByteChannel target) throws IOException {
    CountingChannel channel = new CountingChannel(target);
    writeHead(channel);
    long alignment = alignment();
    pad(channel, alignment);
    for (TensorEntry tensor : new ArrayList<>(tensors.values())) {
      channel.limit(tensor.name(), tensor.bytes());
      tensor.source().writeTo(channel);
      channel.checkComplete();
      pad(channel, alignment);
    }
  }

  private long alignment() {
    return values.get(GgufRules.ALIGNMENT_KEY) instanceof GgufValue.Int(GgufType _, long value)
        ? value
        : GgufRules.DEFAULT_ALIGNMENT;
  }

  private void writeHead(CountingChannel channel) throws IOException {
    long alignment = alignment();
    GgufEncoder header = new GgufEncoder(channel);
    header.int32(GgufHeaderReader.MAGIC);
    header.int32(3);
    header.int64(tensors.size());
    header.int64(values.size());
    for (Map.Entry<String, GgufValue> entry : values.entrySet()) {
      header.string(entry.getKey());
      header.value(entry.getValue());
    }
    long offset = 0;
    for (TensorEntry tensor : tensors.values()) {
      header.string(tensor.name());
      header.int32(tensor.shape().size());
      for (long dimension : tensor.shape()) {
        header.int64(dimension);
      }
      header.int32(tensor.type().id());
      header.int64(offset);
      offset = Math.addExact(offset, GgufRules.padded(tensor.bytes(), alignment));
    }
    header.flush();
  }

  /// Takes everything and keeps nothing.
  private enum Nowhere implements WritableByteChannel {
    CHANNEL;

    @Override
    public int write(ByteBuffer source) {
      int length = source.remaining();
      source.position(source.limit());
      return length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  private static void pad(CountingChannel channel, long alignment) throws IOException {
    long missing = GgufRules.padded(channel.written(), alignment) - channel.written();
    channel.limit("padding", missing);
    while (missing > 0) {
      missing -= channel.write(ByteBuffer.allocate((int) Math.min(missing, 1 << 16)));
    }
  }
}
