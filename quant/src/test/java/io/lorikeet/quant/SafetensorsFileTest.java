package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
  @TempDir Path folder;

  @Test
  void writesWhatTheSafetensorsLibraryWrites() throws IOException {
    Path path = folder.resolve("model.safetensors");
    new SafetensorsWriter()
        .putMetadata("format", "pt")
        .addTensor("b", SafetensorsType.F16, new long[] {1, 1}, TensorSource.of(new byte[] {0, 60}))
        .addTensor("z", new long[] {2}, new float[] {1, 2})
        .addTensor("a", SafetensorsType.F16, new long[] {}, TensorSource.of(new byte[] {0, 64}))
        .write(path);
    String json =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"z\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
            + "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[8,10]},"
            + "\"b\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[10,12]}}";
    ByteBuffer expected = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
    int padded = Math.ceilDiv(json.length(), 8) * 8;
    expected.putLong(padded).put((json + " ".repeat(padded - json.length())).getBytes());
    expected.putFloat(1).putFloat(2).put(new byte[] {0, 64, 0, 60}).flip();
    assertEquals(expected, ByteBuffer.wrap(Files.readAllBytes(path)));

    try (SafetensorsFile file = SafetensorsFile.open(folder)) {
      assertEquals(Map.of("format", "pt"), file.metadata());
      assertEquals(List.of("z", "a", "b"), names(file));
      SafetensorsTensor b = file.tensor("b").orElseThrow();
      assertEquals(List.of(1L, 1L), b.shape());
      float[] value = new float[1];
      b.type().readFloats(file.data(b), 0, value);
      assertArrayEquals(new float[] {1}, value);
      assertEquals(1, file.tensor("a").orElseThrow().elements());
      file.checkUnchanged();
      Files.write(path, new byte[1], StandardOpenOption.APPEND);
      assertThrows(IOException.class, file::checkUnchanged);
    }
  }

  private static List<String> names(SafetensorsFile file) {
    return file.tensors().stream().map(SafetensorsTensor::name).toList();
  }

  /// Values by the definitions of the types: sign, exponent, mantissa.
  @ParameterizedTest
  @CsvSource({
    "F8_E4M3, 0x38, 1",
    "F8_E4M3, 0x7e, 448",
    "F8_E4M3, 0x01, 0.001953125",
    "F8_E4M3, 0x08, 0.015625",
    "F8_E4M3, 0xc4, -3",
    "F8_E4M3, 0x7f, NaN",
    "F8_E4M3, 0xff, NaN",
    "F8_E5M2, 0x3c, 1",
    "F8_E5M2, 0x7b, 57344",
    "F8_E5M2, 0x01, 1.52587890625e-5",
    "F8_E5M2, 0x7c, Infinity",
    "F8_E5M2, 0xc2, -3",
    "BF16, 0x4049, 3.140625",
    "F16, 0x3555, 0.333251953125",
    "F32, 0x40490fdb, 3.1415927410125732",
    "F64, 0x400921fb54442d18, 3.1415927410125732"
  })
  void readsNumbers(SafetensorsType type, String bits, float expected) {
    ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(type.bits() / 8, Long.decode(bits)); // the second element
    float[] read = new float[1];
    type.readFloats(MemorySegment.ofArray(bytes.array()), 1, read);
    assertEquals(expected, read[0]);
    assertTrue(type.isFloat());
  }

  @Test
  void readsNoOtherTypesAsNumbers() {
    assertFalse(SafetensorsType.I64.isFloat());
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsType.I64.readFloats(MemorySegment.ofArray(new byte[8]), 0, new float[1]));
  }

  @Test
  void readsShards() throws IOException {
    shards("{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"two.safetensors\"}}");
    try (SafetensorsFile file = SafetensorsFile.open(folder)) {
      assertEquals(List.of("x", "y"), names(file));
      assertEquals(1, file.tensor("y").orElseThrow().part());
      float[] value = new float[1];
      SafetensorsType.F32.readFloats(file.data(file.tensor("y").orElseThrow()), 0, value);
      assertEquals(2, value[0]);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"weight_map\": {\"x\": \"one.safetensors\", \"z\": \"two.safetensors\"}} | 'y' is in two.safetensors, but according to the index nowhere",
        "{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"one.safetensors\"}} | 'y' isn't in one",
        "{\"weight_map\": {\"x\": \"../one.safetensors\"}} | of the same folder",
        "{\"weight_map\": {\"x\": \"/one.safetensors\"}} | of the same folder",
        "{\"weight_map\": {\"x\": \"..\\\\one.safetensors\"}} | of the same folder",
        "{\"weight_map\": {\"x\": \"sub/../../one.safetensors\"}} | of the same folder",
        "{\"weight_map\": {\"x\": \"one.safetensors\\u0000.safetensors\"}} | of the same folder",
        "{\"weight_map\": {\"x\": \"three.safetensors\"}} | three.safetensors",
        "{\"weight_map\": {\"x\": 5}} | of the same folder",
        "{\"weight_map\": {\"x\": \"one.safetensors\", \"x\": \"two.safetensors\"}} | Duplicate",
        "{} | no 'weight_map'",
        "[[[ | isn't valid JSON",
      })
  void refusesIndexesThatDontFit(String index, String message) throws IOException {
    shards(index);
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> SafetensorsFile.open(folder));
    assertTrue(refused.getMessage().contains(message), refused.getMessage());
  }

  @Test
  void refusesTensorsInTwoShards() throws IOException {
    shards("{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"two.safetensors\"}}");
    new SafetensorsWriter()
        .addTensor("x", new long[] {1}, new float[1])
        .write(folder.resolve("two.safetensors"));
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> SafetensorsFile.open(folder));
    assertTrue(refused.getMessage().contains("in common"), refused.getMessage());
  }

  private void shards(String index) throws IOException {
    new SafetensorsWriter()
        .addTensor("x", new long[] {1}, new float[] {1})
        .write(folder.resolve("one.safetensors"));
    new SafetensorsWriter()
        .addTensor("y", new long[] {1}, new float[] {2})
        .write(folder.resolve("two.safetensors"));
    Files.writeString(folder.resolve("model.safetensors.index.json"), index);
  }

  /// Each head describes 8 bytes of data, or fails to.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | ",
        "{'a':{'dtype':'F32','shape':[0],'data_offsets':[0,0]},'b':{'dtype':'U8','shape':[8],'data_offsets':[0,8]}} |",
        "{'a':{'dtype':'F4','shape':[4,4],'data_offsets':[0,8]}} |",
        "{'a':{'dtype':'I64','shape':[],'data_offsets':[0,8]}} |",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}} | another size",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | ends at byte",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | with a gap",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'b':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | within",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,12]}} | beyond the 8 bytes",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | end before they begin",
        "{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,0]}} | another size",
        "{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | negative",
        "{'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}} | whole numbers",
        "{'a':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,8]}} | isn't valid JSON",
        "{'a':{'dtype':'F33','shape':[2],'data_offsets':[0,8]}} | 'F33' isn't known",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8,8]}} | two data_offsets",
        "{'a':{'dtype':'F32','shape':[2]}} | two data_offsets",
        "{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}} | should be an array",
        "{'a':[]} | should be an object",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | Duplicate field 'a'",
        "{'__metadata__':{'a':1},'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | strings only",
        "{'__metadata__':[]} | should be an object",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}{} | goes on after the end",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]} | isn't valid JSON",
        "{} | ends at byte",
        "[] | isn't a safetensors file",
      })
  void checksHeads(String json, String message) {
    byte[] head = json.strip().replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    byte[] file =
        ByteBuffer.allocate(head.length + 16)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(head.length)
            .put(head)
            .array();
    if (message == null) {
      SafetensorsHeader header = SafetensorsHeader.read(MemorySegment.ofArray(file), "m");
      assertTrue(header.tensors().stream().anyMatch(tensor -> tensor.bytes() == 8));
      return;
    }
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () -> SafetensorsHeader.read(MemorySegment.ofArray(file), "m"));
    assertTrue(refused.getMessage().startsWith("m: "), refused.getMessage());
    assertTrue(refused.getMessage().contains(message), refused.getMessage());
  }

  @Test
  void refusesWhatIsNoSafetensorsFile() throws IOException {
    Path path = folder.resolve("model.safetensors");
    assertRefused(folder, "neither model.safetensors nor");
    assertRefused(path, "doesn't exist");
    Files.createFile(folder.resolve("pytorch_model.bin"));
    assertRefused(folder, "safe_serialization=True");
    Files.writeString(path, "version https://git-lfs.github.com/spec/v1\n");
    assertRefused(folder, "git lfs pull");
    Files.write(path, new byte[] {1, 2});
    assertRefused(folder, "ends after 2 bytes");
    Files.write(path, new byte[] {100, 0, 0, 0, 0, 0, 0, 0, '{'});
    assertRefused(folder, "should have 100 bytes");
    Files.write(path, new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, '{'});
    assertRefused(folder, "isn't a safetensors file");
  }

  private static void assertRefused(Path path, String message) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> SafetensorsFile.open(path).close());
    assertTrue(refused.getMessage().contains(message), refused.getMessage());
  }

  @Test
  void leavesNothingHalfWritten() throws IOException {
    Path path = folder.resolve("a.safetensors");
    SafetensorsWriter writer =
        new SafetensorsWriter()
            .addTensor(
                "x", SafetensorsType.U8, new long[] {4}, TensorSource.of(new byte[] {1, 2, 3}));
    assertThrows(IllegalStateException.class, () -> writer.write(path));
    SafetensorsWriter failing =
        new SafetensorsWriter()
            .addTensor(
                "x",
                SafetensorsType.U8,
                new long[] {4},
                channel -> {
                  throw new UncheckedIOException(new IOException("no"));
                });
    assertThrows(UncheckedIOException.class, () -> failing.write(path));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(0, files.count());
    }
    assertThrows(
        IllegalArgumentException.class, () -> writer.addTensor("x", new long[1], new float[0]));
    assertThrows(
        IllegalArgumentException.class, () -> writer.addTensor("y", new long[] {2}, new float[3]));
  }
}
