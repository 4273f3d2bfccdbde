package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_init_params;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A GGUF file for tests, written by ggml itself: the module that writes them for users depends on
/// this one.
public final class NativeGguf {
  private static final long TENSOR_OVERHEAD = 1024;

  private final List<Entry> entries = new ArrayList<>();
  private final List<Values> tensors = new ArrayList<>();

  /// Sets one key of a file that is being written.
  @FunctionalInterface
  private interface Entry {
    void putInto(MemorySegment file, Arena arena);
  }

  private record Values(String name, long[] shape, float[] values) {}

  public NativeGguf putString(String key, String value) {
    return put(
        (file, arena) ->
            Ggml.gguf_set_val_str(file, arena.allocateFrom(key), arena.allocateFrom(value)));
  }

  public NativeGguf putUint32(String key, int value) {
    return put((file, arena) -> Ggml.gguf_set_val_u32(file, arena.allocateFrom(key), value));
  }

  public NativeGguf putFloat32(String key, float value) {
    return put((file, arena) -> Ggml.gguf_set_val_f32(file, arena.allocateFrom(key), value));
  }

  public NativeGguf putBool(String key, boolean value) {
    return put((file, arena) -> Ggml.gguf_set_val_bool(file, arena.allocateFrom(key), value));
  }

  public NativeGguf putStrings(String key, List<String> values) {
    return put(
        (file, arena) -> {
          MemorySegment strings = arena.allocate(ValueLayout.ADDRESS, values.size());
          for (int i = 0; i < values.size(); i++) {
            strings.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(values.get(i)));
          }
          Ggml.gguf_set_arr_str(file, arena.allocateFrom(key), strings, values.size());
        });
  }

  public NativeGguf putFloats(String key, float... values) {
    return put(
        (file, arena) ->
            Ggml.gguf_set_arr_data(
                file,
                arena.allocateFrom(key),
                Ggml.GGUF_TYPE_FLOAT32(),
                arena.allocateFrom(ValueLayout.JAVA_FLOAT, values),
                values.length));
  }

  public NativeGguf putInts(String key, int... values) {
    return put(
        (file, arena) ->
            Ggml.gguf_set_arr_data(
                file,
                arena.allocateFrom(key),
                Ggml.GGUF_TYPE_INT32(),
                arena.allocateFrom(ValueLayout.JAVA_INT, values),
                values.length));
  }

  private NativeGguf put(Entry entry) {
    entries.add(entry);
    return this;
  }

  /// Adds an F32 tensor.
  ///
  /// @param shape ne0 first
  public NativeGguf addTensor(String name, long[] shape, float[] values) {
    tensors.add(new Values(name, shape, values));
    return this;
  }

  public Path write(Path path) throws IOException {
    NativeLibrary.load();
    MemorySegment file = Ggml.gguf_init_empty();
    try (Arena arena = Arena.ofConfined()) {
      entries.forEach(entry -> entry.putInto(file, arena));
      MemorySegment parameters = ggml_init_params.allocate(arena);
      ggml_init_params.mem_size(
          parameters,
          tensors.stream()
              .mapToLong(tensor -> TENSOR_OVERHEAD + (long) tensor.values().length * Float.BYTES)
              .sum());
      MemorySegment context = Ggml.ggml_init(parameters);
      tensors.forEach(tensor -> Ggml.gguf_add_tensor(file, tensor(context, tensor, arena)));
      boolean written = Ggml.gguf_write_to_file(file, arena.allocateFrom(path.toString()), false);
      Ggml.ggml_free(context);
      if (!written) {
        throw new IOException("ggml couldn't write " + path);
      }
      return path;
    } finally {
      Ggml.gguf_free(file);
    }
  }

  private static MemorySegment tensor(MemorySegment context, Values from, Arena arena) {
    long[] shape = {1, 1, 1, 1};
    System.arraycopy(from.shape(), 0, shape, 0, from.shape().length);
    MemorySegment tensor =
        Ggml.ggml_new_tensor_4d(
            context, Ggml.GGML_TYPE_F32(), shape[0], shape[1], shape[2], shape[3]);
    Ggml.ggml_set_name(tensor, arena.allocateFrom(from.name()));
    Ggml.ggml_get_data(tensor)
        .reinterpret((long) from.values().length * Float.BYTES)
        .copyFrom(MemorySegment.ofArray(from.values()));
    return tensor;
  }
}
