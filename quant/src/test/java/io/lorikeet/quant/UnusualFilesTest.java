package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Models that are valid but not as today's tools write them: they are read, and what a tool that
/// rewrites them doesn't know stays in them.
class UnusualFilesTest {
  @TempDir Path folder;

  private final Map<String, float[]> values = new LinkedHashMap<>();

  /// Enough of a llama for quantizing, with a key and two tensors that no program knows.
  private GgufWriter model(List<String> order) {
    SplittableRandom random = new SplittableRandom(3);
    GgufWriter writer =
        new GgufWriter()
            .putStrings("parrot.names", List.of("Polly", ""))
            .putString("general.architecture", "llama")
            .putUint32("llama.block_count", 1)
            .putUint32("llama.context_length", 32)
            .putUint32("llama.embedding_length", 64)
            .putUint32("llama.attention.head_count", 2)
            .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .put("parrot.age", new GgufValue.Int(GgufType.INT8, -3));
    for (String name : order) {
      long[] shape =
          name.contains("norm") || name.contains("beak") ? new long[] {64} : new long[] {64, 32};
      float[] numbers = new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) random.nextDouble(-1, 1);
      }
      values.put(name, numbers);
      writer.addTensor(name, shape, numbers);
    }
    return writer;
  }

  private static final List<String> NAMES =
      List.of(
          "token_embd.weight",
          "blk.0.attn_q.weight",
          "output_norm.weight",
          "blk.0.wings.weight",
          "parrot.beak");

  @Test
  void whatNobodyKnowsIsKeptInAnyOrder() throws IOException {
    for (List<String> order : List.of(NAMES, NAMES.reversed())) {
      Path input = folder.resolve("in.gguf");
      model(order).write(input);
      assertQuantized(input, order);
    }
  }

  private void assertQuantized(Path input, List<String> order) throws IOException {
    Path output = folder.resolve("out.gguf");
    ModelQuantizer.quantize(input, output, "Q8_0", 1);
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals(3, file.version());
      assertEquals(List.of("Polly", ""), file.metadata().requireStrings("parrot.names"));
      assertEquals(
          new GgufValue.Int(GgufType.INT8, -3), file.metadata().value("parrot.age").orElseThrow());
      assertFalse(file.metadata().keys().stream().anyMatch(key -> key.startsWith("split.c")));
      assertEquals(
          order.stream().sorted().toList(),
          file.tensors().stream().map(GgufTensor::name).sorted().toList());
      assertEquals(TensorType.Q8_0, file.tensor("blk.0.wings.weight").orElseThrow().type());
      GgufTensor beak = file.tensor("parrot.beak").orElseThrow();
      assertArrayEquals(values.get("parrot.beak"), file.data(beak).toArray(LittleEndian.FLOAT));
    }
  }

  /// Version 2 has the same layout as 3, which only allows big-endian files as well.
  @Test
  void version2IsReadAndRewritten() throws IOException {
    Path input = folder.resolve("in.gguf");
    model(NAMES).write(input);
    byte[] bytes = Files.readAllBytes(input);
    bytes[4] = 2;
    Files.write(input, bytes);
    try (GgufFile file = GgufFile.open(input)) {
      assertEquals(2, file.version());
      GgufTensor norm = file.tensor("output_norm.weight").orElseThrow();
      assertArrayEquals(
          values.get("output_norm.weight"), file.data(norm).toArray(LittleEndian.FLOAT));
    }
    assertQuantized(input, NAMES);
  }

  @Test
  void splitModelsBecomeOneFile() throws IOException {
    model(NAMES).write(folder.resolve("whole.gguf"));
    List<Path> parts = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      List<String> names = i == 0 ? NAMES.subList(0, 2) : NAMES.subList(2, NAMES.size());
      GgufWriter part = new GgufWriter();
      try (GgufFile whole = GgufFile.open(folder.resolve("whole.gguf"))) {
        if (i == 0) {
          part.copyMetadata(whole.metadata());
        }
        part.put("split.no", new GgufValue.Int(GgufType.UINT16, i))
            .put("split.count", new GgufValue.Int(GgufType.UINT16, 2))
            .putInt32("split.tensors.count", NAMES.size());
        for (String name : names) {
          GgufTensor tensor = whole.tensor(name).orElseThrow();
          long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
          part.addTensor(name, tensor.type(), shape, TensorSource.of(whole.data(tensor)));
        }
        parts.add(folder.resolve("m-0000%s-of-00002.gguf".formatted(i + 1)));
        part.write(parts.get(i));
      }
    }
    assertQuantized(parts.getLast(), NAMES);
  }

  @Test
  void bigEndianFilesAreRefusedByName() throws IOException {
    Path input = folder.resolve("in.gguf");
    model(NAMES).write(input);
    byte[] bytes = Files.readAllBytes(input);
    bytes[4] = 0;
    bytes[7] = 3; // the version, the other way round
    Files.write(input, bytes);
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> GgufFile.open(input));
    assertTrue(refused.getMessage().contains("big-endian"), refused.getMessage());
  }
}
