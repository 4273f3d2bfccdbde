package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
  @TempDir Path folder;

  @Test
  void writesWhatTheReaderReads() throws IOException {
    float[] values = {1, 2, 3, 4, 5, 6};
    byte[] blocks = new byte[36];
    blocks[35] = 7;
    Path path = folder.resolve("a.gguf");
    new GgufWriter()
        .putString("general.architecture", "llama")
        .putUint32("llama.block_count", 2)
        .putFloat32("llama.epsilon", 1e-5f)
        .putBool("tokenizer.ggml.add_bos_token", true)
        .putStrings("tokenizer.ggml.tokens", List.of("", "ä", "c"))
        .putFloats("tokenizer.ggml.scores", 0, -1.5f)
        .putInts("tokenizer.ggml.token_type", 1, -2)
        .addTensor("a.weight", new long[] {3, 2, 1}, values)
        .addTensor("b.weight", TensorType.Q4_0, new long[] {64}, TensorSource.of(blocks))
        .write(path);

    try (GgufFile file = GgufFile.open(path)) {
      GgufMetadata metadata = file.metadata();
      assertEquals(3, file.version());
      assertEquals("llama", metadata.requireString("general.architecture"));
      assertEquals(2, metadata.requireInteger("llama.block_count"));
      assertEquals(1e-5f, metadata.requireReal("llama.epsilon"));
      assertTrue(metadata.requireBool("tokenizer.ggml.add_bos_token"));
      assertEquals(List.of("", "ä", "c"), metadata.requireStrings("tokenizer.ggml.tokens"));
      assertArrayEquals(new float[] {0, -1.5f}, metadata.requireFloats("tokenizer.ggml.scores"));
      assertArrayEquals(new int[] {1, -2}, metadata.requireInts("tokenizer.ggml.token_type"));
      GgufTensor a = file.tensor("a.weight").orElseThrow();
      assertEquals(List.of(3L, 2L), a.shape());
      assertArrayEquals(values, file.data(a).toArray(ValueLayout.JAVA_FLOAT));
      GgufTensor b = file.tensor("b.weight").orElseThrow();
      assertEquals(-1, file.data(b).mismatch(MemorySegment.ofArray(blocks)));
      assertEquals(70, file.parameterCount());
      assertEquals(0, Files.size(path) % 32);
    }
  }

  @Test
  void leavesNothingBehindWhenASourceFails() throws IOException {
    Path path = folder.resolve("a.gguf");
    Files.writeString(path, "before");
    GgufWriter fails =
        new GgufWriter()
            .addTensor(
                "a",
                TensorType.F32,
                new long[] {2},
                channel -> {
                  channel.write(ByteBuffer.allocate(4));
                  throw new IOException("No space left on device");
                });
    IOException full = assertThrows(IOException.class, () -> fails.write(path));
    assertTrue(full.getMessage().contains("the disk is full"), full.getMessage());
    GgufWriter few =
        new GgufWriter()
            .addTensor(
                "a",
                TensorType.F32,
                new long[] {2},
                channel -> channel.write(ByteBuffer.allocate(4)));
    assertThrows(IllegalStateException.class, () -> few.write(path));
    GgufWriter many =
        new GgufWriter()
            .addTensor("a", TensorType.F32, new long[] {2}, TensorSource.of(new byte[9]));
    assertThrows(IllegalStateException.class, () -> many.write(path));
    assertEquals("before", Files.readString(path));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(path), files.toList());
    }
  }
}
