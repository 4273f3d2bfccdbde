package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.gguf_init_params;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// ggml's own reader (`gguf.cpp`) reads what we write, and accepts what we accept.
class GgmlReaderTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 20261122);

  @TempDir Path folder;

  @BeforeAll
  static void load() {
    NativeLibrary.load();
  }

  @Test
  void readsWhatWeWrite() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    Path path = folder.resolve("random.gguf");
    for (int i = 0; i < 60; i++) {
      String context = "seed " + SEED + ", file " + i;
      RandomGguf.create(random).writer().write(path);
      try (Arena arena = Arena.ofConfined();
          GgufFile file = GgufFile.open(path)) {
        MemorySegment name = arena.allocateFrom(path.toString());
        MemorySegment ggml = Ggml.gguf_init_from_file(name, parameters(arena));
        assertNotEquals(0, ggml.address(), context);
        assertSame(file, ggml, context);
        Ggml.gguf_free(ggml);
      }
    }
  }

  private static MemorySegment parameters(Arena arena) {
    MemorySegment parameters = gguf_init_params.allocate(arena);
    gguf_init_params.no_alloc(parameters, true);
    gguf_init_params.ctx(parameters, MemorySegment.NULL);
    return parameters;
  }

  private static void assertSame(GgufFile file, MemorySegment ggml, String context) {
    assertEquals(file.version(), Ggml.gguf_get_version(ggml), context);
    List<String> keys = new ArrayList<>();
    for (long i = 0; i < Ggml.gguf_get_n_kv(ggml); i++) {
      String key = Ggml.gguf_get_key(ggml, i).getString(0);
      keys.add(key);
      assertSame(file.metadata().value(key).orElseThrow(), ggml, i, context);
    }
    assertEquals(List.copyOf(file.metadata().keys()), keys, context);
    List<String> names = new ArrayList<>();
    long dataStart = Ggml.gguf_get_data_offset(ggml);
    for (long i = 0; i < Ggml.gguf_get_n_tensors(ggml); i++) {
      String name = Ggml.gguf_get_tensor_name(ggml, i).getString(0);
      names.add(name);
      GgufTensor tensor = file.tensor(name).orElseThrow();
      assertEquals(tensor.type().id(), Ggml.gguf_get_tensor_type(ggml, i), context);
      assertEquals(tensor.offset(), dataStart + Ggml.gguf_get_tensor_offset(ggml, i), context);
      assertEquals(tensor.bytes(), Ggml.gguf_get_tensor_size(ggml, i), context);
      MemorySegment shape = Ggml.gguf_get_tensor_ne(ggml, i);
      for (int dimension = 0; dimension < 4; dimension++) {
        long size = dimension < tensor.shape().size() ? tensor.shape().get(dimension) : 1;
        assertEquals(size, shape.getAtIndex(ValueLayout.JAVA_LONG, dimension), context);
      }
    }
    assertEquals(file.tensors().stream().map(GgufTensor::name).toList(), names, context);
  }

  private static void assertSame(GgufValue value, MemorySegment ggml, long key, String context) {
    assertEquals(value.type().id(), Ggml.gguf_get_kv_type(ggml, key), context);
    switch (value) {
      case GgufValue.Int number ->
          assertEquals(number.value(), LittleEndian.integer(raw(ggml, key), number.type(), 0));
      case GgufValue.Real number ->
          assertEquals(number.value(), LittleEndian.real(raw(ggml, key), number.type(), 0));
      case GgufValue.Bool bool -> assertEquals(bool.value(), Ggml.gguf_get_val_bool(ggml, key));
      case GgufValue.TextValue text -> {
        // Strings with a 0 inside end there for C.
        String whole = text.value() + "\0";
        String found = Ggml.gguf_get_val_str(ggml, key).getString(0);
        assertEquals(whole.substring(0, whole.indexOf('\0')), found, context);
      }
      case GgufValue.Array array -> {
        assertEquals(array.elementType().id(), Ggml.gguf_get_arr_type(ggml, key), context);
        assertEquals(array.count(), Ggml.gguf_get_arr_n(ggml, key), context);
        if (array.elementType() == GgufType.STRING) {
          List<String> strings = array.strings();
          for (int i = 0; i < strings.size(); i++) {
            assertEquals(strings.get(i), Ggml.gguf_get_arr_str(ggml, key, i).getString(0), context);
          }
        } else if (array.count() > 0) {
          long size = array.encoded().byteSize();
          MemorySegment found = Ggml.gguf_get_arr_data(ggml, key).asSlice(0, size);
          assertEquals(-1, array.encoded().mismatch(found), context);
        }
      }
    }
  }

  private static MemorySegment raw(MemorySegment ggml, long key) {
    return Ggml.gguf_get_val_data(ggml, key);
  }

  @Test
  void acceptsWhatWeAccept() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    Path path = folder.resolve("sample.gguf");
    GgufDamage.sample().write(path);
    byte[] whole = Files.readAllBytes(path);
    int accepted = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = GgufDamage.apply(whole, random);
      if (isAccepted(damaged)) {
        accepted++;
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, damaged);
          MemorySegment ggml = Ggml.gguf_init_from_buffer(bytes, damaged.length, parameters(arena));
          assertNotEquals(0, ggml.address(), "seed " + SEED + ", input " + i);
          Ggml.gguf_free(ggml);
        }
      }
    }
    assertTrue(accepted > 200, accepted + " accepted");
  }

  private static boolean isAccepted(byte[] bytes) {
    try {
      GgufHeaderReader.read(MemorySegment.ofArray(bytes), "m.gguf", true);
      return true;
    } catch (InvalidInputException _) {
      return false;
    }
  }
}
