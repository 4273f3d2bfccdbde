package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The messages for damaged files, one test for each kind of damage.
class GgufHeaderReaderTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;

  private static GgufHeader read(byte[] bytes) {
    return GgufHeaderReader.read(MemorySegment.ofArray(bytes), "m.gguf", true);
  }

  private static String problem(byte[] bytes) {
    String message =
        assertThrows(InvalidInputException.class, () -> read(bytes), "accepted").getMessage();
    assertTrue(message.startsWith("m.gguf: "), message);
    return message;
  }

  private static void assertProblem(String words, byte[] bytes) {
    String message = problem(bytes);
    assertTrue(message.contains(words), () -> "no \"" + words + "\" in: " + message);
  }

  private static void assertProblem(String words, GgufBytes bytes) {
    assertProblem(words, bytes.toArray());
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void namesWhatIsNoGguf() {
    assertProblem("is empty", new byte[0]);
    assertProblem("ends after 3 bytes", text("GGU"));
    assertProblem("a web page", text("\n<!DOCTYPE html>\n<html class=\"\">"));
    assertProblem("a web page", text("\u00ef\u00bb\u00bf<html>"));
    assertProblem(
        "Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid sha256:0"));
    assertProblem("before GGUF", text("tjgg\1\0\0\0"));
    assertProblem("PyTorch checkpoint", text("PK\3\4\0\0\0\0"));
    assertProblem("safetensors", text("\u0090\1\0\0\0\0\0\0{\"a\":{}}"));
    assertProblem("begins with \"Entry not found\"", text("Entry not found\n"));
    assertProblem("doesn't begin with the letters GGUF", text("\177ELF\2\1\1\0\0"));
  }

  @Test
  void namesOtherVersions() {
    assertProblem("version 1", new GgufBytes().text("GGUF").int32(1).int64(0).int64(0));
    assertProblem("version 4 isn't known", new GgufBytes().text("GGUF").int32(4));
    assertProblem("big-endian", new GgufBytes().text("GGUF").int32(0x03000000));
    assertProblem("version 0 isn't known", new GgufBytes().text("GGUF").int32(0).int64(0));
  }

  @Test
  void readsVersion2() {
    byte[] file = new GgufBytes().text("GGUF").int32(2).int64(0).int64(0).toArray();
    assertEquals(2, read(file).version());
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 60, Long.MAX_VALUE, -1, Long.MIN_VALUE, 1000})
  void allocatesNothingForAFalseCount(long count) {
    List<byte[]> files =
        List.of(
            GgufBytes.header(count, 0).data(64).toArray(),
            GgufBytes.header(0, count).data(64).toArray(),
            GgufBytes.header(0, 1).int64(count).data(64).toArray(),
            GgufBytes.header(0, 1).key("k", GgufType.STRING).int64(count).data(64).toArray(),
            array(GgufType.FLOAT32, count),
            array(GgufType.UINT8, count),
            array(GgufType.FLOAT64, count),
            array(GgufType.STRING, count),
            GgufBytes.header(0, 1)
                .key("k", GgufType.ARRAY)
                .int32(GgufType.STRING.id())
                .int64(1)
                .int64(count)
                .data(64)
                .toArray(),
            GgufBytes.header(1, 0).int64(count).data(64).toArray(),
            GgufBytes.header(1, 0).tensor("t", F32, 0, count, count, count).data(64).toArray());
    problem(files.getFirst()); // classes are loaded now
    for (byte[] file : files) {
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long before = threads.getCurrentThreadAllocatedBytes();
      problem(file);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < 1 << 20, "allocated " + allocated);
    }
  }

  private static byte[] array(GgufType type, long count) {
    return GgufBytes.header(0, 1)
        .key("k", GgufType.ARRAY)
        .int32(type.id())
        .int64(count)
        .data(64)
        .toArray();
  }

  @Test
  void saysWhereTheFileEnds() {
    assertProblem("only 15 bytes follow", GgufBytes.header(1, 0).raw(new byte[7]));
    assertProblem(
        "ends inside the value of key 'key'",
        GgufBytes.header(0, 1).key("key", GgufType.UINT64).raw(new byte[7]));
    assertProblem(
        "ends inside the entry of tensor 't'",
        GgufBytes.header(1, 0).string("t").int32(2).int64(1).raw(new byte[7]));
  }

  @Test
  void refusesWrongKeys() {
    assertProblem("is empty", GgufBytes.header(0, 1).key("", GgufType.UINT64).int64(1));
    assertProblem(
        "isn't UTF-8", GgufBytes.header(0, 1).string(new byte[] {'a', -1}).int32(0).data(9));
    assertProblem(
        "control characters", GgufBytes.header(0, 1).key("a\033[2J", GgufType.UINT64).int64(1));
    assertProblem(
        "at most 65535", GgufBytes.header(0, 1).key("a".repeat(65536), GgufType.BOOL).data(9));
    assertProblem(
        "the key 'a' twice",
        GgufBytes.header(0, 2).key("a", GgufType.UINT64).int64(1).key("a", GgufType.BOOL).data(9));
  }

  @Test
  void refusesWrongValues() {
    assertProblem("unknown type 13", GgufBytes.header(0, 1).string("a").int32(13).int64(1));
    assertProblem("unknown type -1", GgufBytes.header(0, 1).string("a").int32(-1).int64(1));
    assertProblem(
        "unknown type 99", GgufBytes.header(0, 1).key("a", GgufType.ARRAY).int32(99).int64(0));
    assertProblem(
        "key 'a' is an array of arrays",
        GgufBytes.header(0, 1).key("a", GgufType.ARRAY).int32(GgufType.ARRAY.id()).int64(0));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 24, -1, 1 << 31})
  void refusesWrongAlignments(int alignment) {
    String key = "general.alignment";
    GgufBytes file = GgufBytes.header(0, 1).key(key, GgufType.UINT32).int32(alignment).data(32);
    if (alignment == 1 << 31) {
      assertEquals(List.of(), read(file.toArray()).tensors());
    } else {
      assertProblem("must be a power of two of at least 8", file);
    }
    assertProblem(
        "should be UINT32, but is UINT64",
        GgufBytes.header(0, 1).key(key, GgufType.UINT64).int64(32).data(32));
  }

  @Test
  void refusesWrongTensors() {
    assertTensorProblem("'t': its type 43 isn't known", 43, 0, 32);
    assertTensorProblem("'t': its type -2 isn't known", -2, 0, 32);
    assertTensorProblem("'t': its type Q4_0_4_4 (31) was removed", 31, 0, 32);
    assertTensorProblem("[0] has a dimension that isn't positive", F32, 0, 0);
    assertTensorProblem("[4, -4] has a dimension that isn't positive", F32, 0, 4, -4);
    assertTensorProblem("more elements than 63 bits", F32, 0, 1L << 31, 1L << 32);
    assertTensorProblem("more elements than 63 bits", F32, 0, 1L << 62);
    assertTensorProblem("a row of q4_0 has a multiple of 32", Q4_0, 0, 48);
    assertTensorProblem("5 dimensions; ggml knows at most 4", F32, 0, 1, 1, 1, 1, 2);
    assertTensorProblem("17 dimensions", F32, 0, new long[17]);
    assertTensorProblem("its offset 4 isn't a multiple of the alignment 32", F32, 4, 8);
    assertTensorProblem("its offset 18446744073709551584 is beyond any file", F32, -32, 8);
    assertTensorProblem("9223372036854775776 is beyond any file", F32, Long.MAX_VALUE - 31, 8);
    assertTensorProblem("its data is at byte 96, but llama.cpp wants it at 64", F32, 32, 8);
    assertTensorProblem("the file is cut short: it has 192 bytes and needs 196", F32, 0, 33);
    assertProblem("the name is empty", GgufBytes.header(1, 0).tensor("", F32, 0, 8).data(32));
    String longName = "a".repeat(64);
    assertProblem("is 64 bytes long", GgufBytes.header(1, 0).tensor(longName, F32, 0, 8).data(32));
  }

  private static void assertTensorProblem(String words, int type, long offset, long... shape) {
    assertProblem(words, GgufBytes.header(1, 0).tensor("t", type, offset, shape).data(128));
  }

  @Test
  void tellsAllProblemsOfTheTensorsAtOnce() {
    GgufBytes file =
        GgufBytes.header(4, 0)
            .tensor("a", F32, 0, 16)
            .tensor("b", F32, 32, 16)
            .tensor("b", 99, 64, 16)
            .tensor("c", Q4_0, 96, 1);
    String message = problem(file.data(256).toArray());
    assertTrue(message.contains("'b': the name occurs twice"), message);
    assertTrue(message.contains("'b': its data at byte 192 lies within that of 'a'"), message);
    assertTrue(message.contains("'b': its type 99"), message);
    assertTrue(message.contains("'c': shape [1]"), message);
    assertEquals(5, message.lines().count());

    GgufBytes many = GgufBytes.header(30, 0);
    for (int i = 0; i < 30; i++) {
      many.tensor("t" + i, 99, 0, 1);
    }
    message = problem(many.data(256).toArray());
    assertEquals(22, message.lines().count());
    assertTrue(message.endsWith("… and 10 more"), message);
  }

  @Test
  void acceptsAScalarAndTrailingOnes() {
    byte[] file =
        GgufBytes.header(2, 0).tensor("a", F32, 0).tensor("b", F32, 32, 2, 1, 1).data(64).toArray();
    assertEquals(List.of(1L), read(file).tensors().get(0).shape());
    assertEquals(List.of(2L), read(file).tensors().get(1).shape());
  }

  @Test
  void readsAHeaderWithoutItsData() {
    byte[] file = GgufBytes.header(1, 0).tensor("a", F32, 0, 1000).toArray();
    MemorySegment bytes = MemorySegment.ofArray(file);
    assertEquals(4000, GgufHeaderReader.read(bytes, "m.gguf", false).tensors().getFirst().bytes());
    assertProblem("cut short", file);
  }
}
