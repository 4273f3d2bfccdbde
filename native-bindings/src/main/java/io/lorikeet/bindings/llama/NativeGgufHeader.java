package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.gguf_init_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// A GGUF file's metadata and tensor list, read by ggml's own parser (`gguf.cpp`), which survives
/// any file: for looking at what libllama is about to be given, exactly as libllama would see it.
final class NativeGgufHeader implements AutoCloseable {
  private final Path file;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment handle;

  /// Opens a file whose tensor data stays on disk.
  ///
  /// @throws GgmlException when it isn't a GGUF file
  NativeGgufHeader(Path file) {
    this.file = file;
    try (NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment params = gguf_init_params.allocate(arena);
      gguf_init_params.no_alloc(params, true);
      gguf_init_params.ctx(params, MemorySegment.NULL);
      handle = Ggml.gguf_init_from_file(arena.allocateFrom(file.toString()), params);
      if (handle.equals(MemorySegment.NULL)) {
        arena.close();
        throw new GgmlException("ggml can't read " + file + " as a GGUF file" + errors.text());
      }
    }
  }

  Path file() {
    return file;
  }

  /// Index of a key, or -1.
  long find(String key) {
    try (Arena call = Arena.ofConfined()) {
      return Ggml.gguf_find_key(handle, call.allocateFrom(key));
    }
  }

  /// Type of a key's value: a constant such as `Ggml.GGUF_TYPE_STRING()`.
  int type(long key) {
    return Ggml.gguf_get_kv_type(handle, key);
  }

  /// Throws unless the key is absent or has a value of this type.
  void requireType(String key, int type, String typeName) {
    long index = find(key);
    if (index >= 0 && type(index) != type) {
      throw new GgmlException("in " + file + ", " + key + " must be a " + typeName);
    }
  }

  /// Elements of an array.
  long length(long key) {
    return Ggml.gguf_get_arr_n(handle, key);
  }

  /// The bytes of an array's string up to the first NUL, each as one character: they need not be
  /// UTF-8.
  String bytes(long key, long index) {
    return Ggml.gguf_get_arr_str(handle, key, index)
        .reinterpret(Long.MAX_VALUE)
        .getString(0, StandardCharsets.ISO_8859_1);
  }

  long tensors() {
    return Ggml.gguf_get_n_tensors(handle);
  }

  String tensorName(long tensor) {
    return NativeText.string(Ggml.gguf_get_tensor_name(handle, tensor)).orElseThrow();
  }

  /// The value of `enum ggml_type`.
  int tensorType(long tensor) {
    return Ggml.gguf_get_tensor_type(handle, tensor);
  }

  /// Elements of the tensor along each of its four dimensions, ne0 first.
  long[] tensorShape(long tensor) {
    return Ggml.gguf_get_tensor_ne(handle, tensor)
        .reinterpret(4 * Long.BYTES)
        .toArray(ValueLayout.JAVA_LONG);
  }

  /// Bytes a complete file has at least.
  long requiredFileSize() {
    long end = Ggml.gguf_get_data_offset(handle);
    long last = tensors() - 1;
    return last < 0
        ? end
        : end + Ggml.gguf_get_tensor_offset(handle, last) + Ggml.gguf_get_tensor_size(handle, last);
  }

  @Override
  public void close() {
    Ggml.gguf_free(handle);
    arena.close();
  }
}
