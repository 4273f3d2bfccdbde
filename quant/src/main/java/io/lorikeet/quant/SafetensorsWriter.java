package io.lorikeet.quant;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Writes a safetensors file as the safetensors library does: tensors of larger elements first and
/// then by name, so that each is aligned; the head padded with spaces to a multiple of 8 bytes.
///
/// Tensors are collected first; [#write] then streams their bytes. Tensors that a valid file can't
/// have are an [IllegalArgumentException] at once.
public final class SafetensorsWriter {
  private final Map<String, String> metadata = new TreeMap<>();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();

  private record Entry(
      String name, SafetensorsType type, List<Long> shape, long bytes, TensorSource source) {}

  /// A file without tensors yet.
  public SafetensorsWriter() {}

  /// Sets a string of `__metadata__`. The transformers library wants `format` to be `pt`.
  public SafetensorsWriter putMetadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /// Adds a tensor.
  ///
  /// @param shape elements per dimension, the slowest first: `[rows, columns]` for a matrix, the
  ///     reverse of ggml's order
  /// @param source writes the tensor's bytes when the file is written
  public SafetensorsWriter addTensor(
      String name, SafetensorsType type, long[] shape, TensorSource source) {
    if (name.equals("__metadata__")) {
      throw new IllegalArgumentException("a tensor can't be called " + name);
    }
    long bits = type.bits();
    for (long dimension : shape) {
      if (dimension < 0) {
        throw new IllegalArgumentException(
            "tensor '%s' has the shape %s".formatted(name, Arrays.toString(shape)));
      }
      bits = Math.multiplyExact(bits, dimension);
    }
    if (bits % 8 != 0) {
      throw new IllegalArgumentException(
          "tensor '%s' %s of %s doesn't end with a byte"
              .formatted(name, Arrays.toString(shape), type));
    }
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    if (tensors.putIfAbsent(name, new Entry(name, type, dimensions, bits / 8, source)) != null) {
      throw new IllegalArgumentException("there is already a tensor '" + name + "'");
    }
    return this;
  }

  /// Adds an F32 tensor.
  ///
  /// @param shape elements per dimension, the slowest first
  /// @param values as many as the shape has elements, row by row
  public SafetensorsWriter addTensor(String name, long[] shape, float[] values) {
    long elements = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    if (elements != values.length) {
      throw new IllegalArgumentException(
          "tensor '%s' of shape %s was given %s values"
              .formatted(name, Arrays.toString(shape), values.length));
    }
    return addTensor(name, SafetensorsType.F32, shape, TensorSource.of(values));
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
        writeTo(new CountingChannel(channel));
      } catch (IOException e) {
        throw AtomicFile.explain(path, e);
      }
      file.commit();
    }
  }

  private void writeTo(CountingChannel channel) throws IOException {
    List<Entry> ordered =
        tensors.values().stream()
            .sorted(
                Comparator.comparing((Entry entry) -> -entry.type().bits())
                    .thenComparing(Entry::name))
            .toList();
    byte[] json = header(ordered);
    int padded = Math.ceilDiv(json.length, Long.BYTES) * Long.BYTES;
    ByteBuffer head = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    head.putLong(padded).put(json);
    while (head.hasRemaining()) {
      head.put((byte) ' ');
    }
    channel.write(head.flip());
    for (Entry tensor : ordered) {
      channel.limit(tensor.name(), tensor.bytes());
      tensor.source().writeTo(channel);
      channel.checkComplete();
    }
  }

  private byte[] header(List<Entry> ordered) throws IOException {
    Map<String, Object> entries = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      entries.put("__metadata__", metadata);
    }
    long offset = 0;
    for (Entry tensor : ordered) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("dtype", tensor.type().name());
      entry.put("shape", tensor.shape());
      entry.put("data_offsets", List.of(offset, offset + tensor.bytes()));
      entries.put(tensor.name(), entry);
      offset = Math.addExact(offset, tensor.bytes());
    }
    return JsonMapper.builder().build().writeValueAsBytes(entries);
  }
}
