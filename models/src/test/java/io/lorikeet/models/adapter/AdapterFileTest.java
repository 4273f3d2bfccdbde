package io.lorikeet.models.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterFileTest {
  @TempDir private Path folder;
  private GgufFile base;
  private Path file;

  @BeforeEach
  void openBase() throws IOException {
    base = GgufFile.open(SmallBase.write(folder.resolve("base.gguf")));
    file = folder.resolve("adapter.gguf");
  }

  @AfterEach
  void closeBase() {
    base.close();
  }

  @Test
  void namesEverythingThatDoesNotFit() throws IOException {
    adapter()
        .addTensor("blk.7.ffn_up.weight.lora_a", new long[] {4, 2}, new float[8])
        .addTensor("blk.7.ffn_up.weight.lora_b", new long[] {2, 6}, new float[12])
        .addTensor(SmallBase.DOWN + ".lora_a", new long[] {6, 2}, new float[12])
        .addTensor(SmallBase.UP + ".lora_a", new long[] {5, 2}, new float[10])
        .addTensor(SmallBase.UP + ".lora_b", new long[] {2, 6}, new float[12])
        .addTensor("something", new long[] {1}, new float[1])
        .write(file);
    assertRefused(
        "blk.7.ffn_up.weight is not in the base",
        SmallBase.DOWN + ".lora_b is missing",
        SmallBase.UP + ".lora_a has the shape [5, 2], and should have [4, 2]",
        "something is no half of a pair");
  }

  @Test
  void refusesVectorsAndQuantizedHalves() throws IOException {
    adapter()
        .addTensor("blk.0.ffn_norm.weight.lora_a", new long[] {4, 2}, new float[8])
        .addTensor("blk.0.ffn_norm.weight.lora_b", new long[] {2, 1}, new float[2])
        .addTensor(
            SmallBase.UP + ".lora_a",
            TensorType.I32,
            new long[] {4, 2},
            TensorSource.of(new byte[32]))
        .addTensor(SmallBase.UP + ".lora_b", new long[] {2, 6}, new float[12])
        .write(file);
    assertRefused("blk.0.ffn_norm.weight has the shape [4]", SmallBase.UP + ".lora_a is I32");
  }

  @Test
  void refusesConvolutionsThatLlamaCppWouldNotAdapt() throws IOException {
    String convolution = "blk.0.ssm_conv1d.weight";
    Path deltaNet = folder.resolve("delta-net.gguf");
    new GgufWriter()
        .putString("general.architecture", "llama")
        .putStrings("tokenizer.ggml.tokens", List.of("a", "b"))
        .addTensor(convolution, new long[] {4, 6}, new float[24])
        .write(deltaNet);
    adapter()
        .addTensor(convolution + ".lora_a", new long[] {4, 2}, new float[8])
        .addTensor(convolution + ".lora_b", new long[] {2, 6}, new float[12])
        .write(file);
    base.close();
    base = GgufFile.open(deltaNet);
    assertRefused(convolution + " is a convolution: llama.cpp ignores adapters on it");
  }

  @Test
  void refusesMatricesThatLlamaCppWouldNotAdapt() throws IOException {
    String projection = "per_layer_model_proj.weight";
    Path layered = folder.resolve("layered.gguf");
    new GgufWriter()
        .putString("general.architecture", "llama")
        .putStrings("tokenizer.ggml.tokens", List.of("a", "b"))
        .addTensor(projection, new long[] {4, 6}, new float[24])
        .write(layered);
    adapter()
        .addTensor(projection + ".lora_a", new long[] {4, 2}, new float[8])
        .addTensor(projection + ".lora_b", new long[] {2, 6}, new float[12])
        .write(file);
    base.close();
    base = GgufFile.open(layered);
    assertRefused(projection + " has no use for a pair: llama.cpp ignores adapters on it");
  }

  @Test
  void refusesNumbersThatAreNotFinite() throws IOException {
    float[] a = new float[8];
    a[5] = Float.NaN;
    adapter()
        .addTensor(SmallBase.UP + ".lora_a", new long[] {4, 2}, a)
        .addTensor(SmallBase.UP + ".lora_b", new long[] {2, 6}, new float[12])
        .write(file);
    assertRefused(SmallBase.UP + ".lora_a holds NaN, first as element 5");
  }

  @Test
  void refusesWhatIsNoAdapterAndOtherArchitectures() throws IOException {
    assertRefused(base.path(), "is a model, not an adapter");
    new GgufWriter()
        .putString("general.type", "adapter")
        .putString("adapter.type", "other")
        .write(file);
    assertRefused("'other'");
    adapter().putString("general.architecture", "qwen3").write(file);
    assertRefused("architecture qwen3", "is llama");
    adapter().write(file);
    assertRefused("no pair of matrices");
  }

  @Test
  void recognizesAnotherBase() throws IOException {
    Path other = SmallBase.write(folder.resolve("other.gguf"), 2);
    try (GgufFile trainedOn = GgufFile.open(other)) {
      AdapterExporter.write(
          SmallBase.adapter(2), SmallBase.metadata(BaseIdentity.of(trainedOn)), file);
      assertRefused("trained on another file", "Small, F32", trainedOn.hash().substring(0, 12));
    }
  }

  @Test
  void recognizesChangesAfterTraining() throws IOException {
    AdapterExporter.write(SmallBase.adapter(2), SmallBase.metadata(BaseIdentity.of(base)), file);
    Path changed = folder.resolve("changed.gguf");
    try (GgufFile trained = GgufFile.open(file)) {
      copy(trained, 3).putFloat32("adapter.lora.alpha", 8).write(changed);
      assertRefused(changed, "isn't as it was trained");
      copy(trained, 2).write(changed);
      assertRefused(changed, "isn't as it was trained");
      copy(trained, 3).write(changed);
      assertEquals(3, AdapterFile.read(changed, base).adapter().pairs().size());
    }
  }

  private static GgufWriter copy(GgufFile adapter, int pairs) {
    GgufWriter writer = new GgufWriter().copyMetadata(adapter.metadata());
    for (GgufTensor tensor : adapter.tensors().subList(0, 2 * pairs)) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      writer.addTensor(tensor.name(), tensor.type(), shape, TensorSource.of(adapter.data(tensor)));
    }
    return writer;
  }

  @Test
  void readsHalfPrecisionAndAdaptersOfOthers() throws IOException {
    adapter()
        .addTensor(
            SmallBase.UP + ".lora_a",
            TensorType.F16,
            new long[] {4, 1},
            shorts(0x3c00, 0xc000, 0, 0x3800))
        .addTensor(
            SmallBase.UP + ".lora_b",
            TensorType.BF16,
            new long[] {1, 6},
            shorts(0x3f80, 0, 0xc000, 0, 0, 0))
        .write(file);
    AdapterFile read = AdapterFile.read(file, base);
    assertFalse(read.recorded());
    LoraPair pair = read.adapter().pairs().getFirst();
    assertEquals(List.of(1f, -2f, 0f, 0.5f), boxed(pair.a()));
    assertEquals(List.of(1f, 0f, -2f, 0f, 0f, 0f), boxed(pair.b()));
    assertEquals(4, read.adapter().alpha());
  }

  @Test
  void missingAlphaMeansAScaleOfOne() throws IOException {
    new GgufWriter()
        .putString("general.type", "adapter")
        .putString("general.architecture", "llama")
        .putString("adapter.type", "lora")
        .addTensor(SmallBase.UP + ".lora_a", new long[] {4, 3}, new float[12])
        .addTensor(SmallBase.UP + ".lora_b", new long[] {3, 6}, new float[18])
        .write(file);
    LoraAdapter adapter = AdapterFile.read(file, base).adapter();
    assertEquals(adapter.pairs().getFirst().rank(), adapter.alpha());
  }

  /// The proof would give them to ggml, which ends the process.
  @Test
  void refusesInvocationsThatTheBaseHasNot() throws IOException {
    adapter()
        .put(
            "adapter.alora.invocation_tokens",
            GgufValue.Array.ofUint32s(new int[] {2, SmallBase.VOCABULARY}))
        .addTensor(SmallBase.UP + ".lora_a", new long[] {4, 3}, new float[12])
        .addTensor(SmallBase.UP + ".lora_b", new long[] {3, 6}, new float[18])
        .write(file);
    assertRefused("adapter.alora.invocation_tokens names the token 9, and the base has 9 tokens");
  }

  @Test
  void damagedFilesAreRefusedNotFatal() throws IOException {
    AdapterExporter.write(SmallBase.adapter(2), SmallBase.metadata(BaseIdentity.of(base)), file);
    byte[] good = Files.readAllBytes(file);
    long seed = 20261;
    Random random = new Random(seed);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      byte[] bad = good.clone();
      for (int flips = random.nextInt(4); flips >= 0; flips--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      Files.write(
          file,
          random.nextInt(8) == 0
              ? ByteBuffer.wrap(bad, 0, random.nextInt(bad.length)).array()
              : bad);
      try {
        AdapterFile.read(file, base);
      } catch (InvalidInputException _) {
        refused++;
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", file " + i, e);
      }
    }
    assertTrue(refused > 150, refused + " of 300 damaged files were refused");
  }

  private static GgufWriter adapter() {
    return new GgufWriter()
        .putString("general.type", "adapter")
        .putString("general.architecture", "llama")
        .putString("adapter.type", "lora")
        .putFloat32("adapter.lora.alpha", 4);
  }

  private void assertRefused(String... words) {
    assertRefused(file, words);
  }

  private void assertRefused(Path adapter, String... words) {
    String message =
        assertThrows(InvalidInputException.class, () -> AdapterFile.read(adapter, base))
            .getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), () -> "'" + word + "' expected in: " + message);
    }
  }

  private static TensorSource shorts(int... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      bytes.putShort((short) value);
    }
    return TensorSource.of(bytes.array());
  }

  private static List<Float> boxed(float[] values) {
    Float[] boxes = new Float[values.length];
    for (int i = 0; i < values.length; i++) {
      boxes[i] = values[i];
    }
    return List.of(boxes);
  }
}
