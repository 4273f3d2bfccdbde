package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelQuantizerTest {
  @TempDir Path folder;

  private Path base;
  private Path output;

  @BeforeEach
  void writeBase() throws IOException {
    base = folder.resolve("base.gguf");
    output = folder.resolve("quantized.gguf");
    model().write(base);
  }

  /// Enough of a llama for quantizing.
  private static GgufWriter model() {
    SplittableRandom random = new SplittableRandom(1);
    return new GgufWriter()
        .putString("general.architecture", "llama")
        .putUint32("llama.block_count", 1)
        .putUint32("llama.context_length", 32)
        .putUint32("llama.embedding_length", 64)
        .putUint32("llama.attention.head_count", 2)
        .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .addTensor("token_embd.weight", new long[] {64, 32}, numbers(random, 64 * 32))
        .addTensor("blk.0.attn_q.weight", new long[] {64, 64}, numbers(random, 64 * 64))
        .addTensor("output_norm.weight", new long[] {64}, numbers(random, 64));
  }

  private static float[] numbers(SplittableRandom random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextDouble(-1, 1);
    }
    return numbers;
  }

  @Test
  void quantizesMatricesAndLeavesTheRest() throws IOException {
    ModelQuantizer.quantize(base, output, "q4_0", 1);
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals(TensorType.Q4_0, file.tensor("blk.0.attn_q.weight").orElseThrow().type());
      assertEquals(TensorType.F32, file.tensor("output_norm.weight").orElseThrow().type());
      assertEquals(64 * 32 + 64 * 64 + 64, file.parameterCount());
      assertEquals(2, file.metadata().requireInteger("general.file_type"));
    }
  }

  @Test
  void refusesWhatItCannotQuantize() throws IOException {
    ModelQuantizer.quantize(base, output, "Q8_0", 1);
    Path again = folder.resolve("again.gguf");
    assertRefused("is quantized already: 2 of its 3 tensors are q8_0", output, again, "Q4_0");
    assertRefused("no quantization is called 'Q4'; known are F32, F16", base, again, "Q4");
    assertRefused("IQ2_XS needs an importance matrix", base, again, "IQ2_XS");
    assertRefused("output would overwrite " + base + ", which is read", base, base, "Q4_0");
    assertRefused("is a folder; give the name of a file", base, folder, "Q4_0");
    Path page = Files.writeString(folder.resolve("page.gguf"), "<html>");
    assertRefused("a web page", page, again, "Q4_0");
    assertLeft(base, output, page);
  }

  @Test
  void saysWhereItCannotWrite() throws IOException {
    Path nowhere = folder.resolve("none").resolve("quantized.gguf");
    IOException missing =
        assertThrows(IOException.class, () -> ModelQuantizer.quantize(base, nowhere, "Q4_0", 1));
    assertTrue(missing.getMessage().contains("none doesn't exist"), missing.getMessage());
    assertLeft(base);
  }

  @Test
  void refusesMetadataThatLibllamaCannotBear() throws IOException {
    assertRefused("llama.block_count is 0", model().putUint32("llama.block_count", 0));
    assertRefused("llama.block_count is 513", model().putUint32("llama.block_count", 513));
    assertRefused("scaling.type is 'su'", model().putString("llama.rope.scaling.type", "su"));
    assertRefused(
        "llama.nextn_predict_layers is 2", model().putUint32("llama.nextn_predict_layers", 2));
    assertRefused(
        "expert_used_count is 2, and should be 0", model().putUint32("llama.expert_used_count", 2));
    assertRefused(
        "expert_used_count is 9, and should be between 1 and 8",
        model().putUint32("llama.expert_count", 8).putInts("llama.expert_used_count", 9));
    GgufWriter groups =
        model()
            .putUint32("llama.expert_count", 8)
            .putUint32("llama.expert_used_count", 2)
            .putUint32("llama.expert_group_count", 3)
            .putUint32("llama.expert_group_used_count", 3);
    assertRefused("expert_count is 8, which 3 groups don't divide", groups);
    assertRefused("expert_group_used_count is 3", groups);
    assertRefused("no key 'general.architecture'", new GgufWriter());
    GgufWriter unknown =
        model()
            .putString("general.architecture", "parrot")
            .putUint32("parrot.block_count", 1)
            .putUint32("parrot.context_length", 8)
            .putUint32("parrot.embedding_length", 32);
    assertRefused("unknown model architecture: 'parrot'", unknown);
    assertRefused("is no language model", model().putString("general.architecture", "clip"));
    assertRefused("general.alignment is 64", model().putUint32("general.alignment", 64));
    assertRefused(
        "llama.context_length has wrong type u64 but expected type u32",
        model().put("llama.context_length", new GgufValue.Int(GgufType.UINT64, 32)));
  }

  private void assertRefused(String words, GgufWriter model) throws IOException {
    Path path = folder.resolve("model.gguf");
    model.write(path);
    assertRefused(words, path, output, "Q4_0");
    Files.delete(path);
  }

  private static void assertRefused(String words, Path input, Path output, String type) {
    String message =
        assertThrows(
                InvalidInputException.class, () -> ModelQuantizer.quantize(input, output, type, 1))
            .getMessage();
    assertTrue(message.contains(words), message);
  }

  private void assertLeft(Path... expected) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(Stream.of(expected).sorted().toList(), files.sorted().toList());
    }
  }
}
