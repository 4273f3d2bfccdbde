package io.lorikeet.models.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomModelTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      names = {
        "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K",
        "Q5_K", "Q6_K", "IQ3_S", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "TQ2_0"
      })
  void weightsOfEveryTypeAreOfTheSizeOfTheirInputs(TensorType type) throws IOException {
    try (GgufFile file = GgufFile.open(RandomModel.of(type).write(folder.resolve("model.gguf")))) {
      int width = (int) file.metadata().requireInteger("llama.embedding_length");
      assertEquals(type, file.tensor("blk.1.ffn_down.weight").orElseThrow().type());
      assertEquals(TensorType.F32, file.tensor("blk.1.ffn_norm.weight").orElseThrow().type());
      assertEquals(1, deviation(Dequantized.floats(file, "token_embd.weight")), 0.1);
      assertEquals(
          1, Math.sqrt(width) * deviation(Dequantized.floats(file, "blk.0.attn_k.weight")), 0.1);
      assertEquals(
          1,
          Math.sqrt(2 * width) * deviation(Dequantized.floats(file, "blk.1.ffn_down.weight")),
          0.1);
    }
  }

  @Test
  void sameSeedSameFile() throws IOException {
    Path first = RandomModel.of(TensorType.Q4_0).write(folder.resolve("first.gguf"));
    Path again = RandomModel.of(TensorType.Q4_0).write(folder.resolve("again.gguf"));
    Path other = RandomModel.of(TensorType.Q4_0).seed(2).write(folder.resolve("other.gguf"));

    assertEquals(-1, Files.mismatch(first, again));
    assertTrue(Files.mismatch(first, other) > 0);
  }

  @Test
  void writesWhatItIsAskedFor() throws IOException {
    Path path =
        RandomModel.of(TensorType.Q4_K)
            .type("ffn_down", TensorType.Q6_K)
            .layers(1)
            .heads(8, 4)
            .headSize(64)
            .biases()
            .tied()
            .ropeFactors()
            .ropeScaling("yarn", 4, 64)
            .alignment(64)
            .write(folder.resolve("model.gguf"));
    try (GgufFile file = GgufFile.open(path)) {
      assertEquals(List.of(256L, 512L), file.tensor("blk.0.attn_q.weight").orElseThrow().shape());
      assertEquals(List.of(256L), file.tensor("blk.0.attn_v.bias").orElseThrow().shape());
      assertEquals(List.of(32L), file.tensor("rope_freqs.weight").orElseThrow().shape());
      assertEquals(TensorType.Q6_K, file.tensor("blk.0.ffn_down.weight").orElseThrow().type());
      assertTrue(file.tensor("output.weight").isEmpty());
      assertTrue(file.tensors().stream().allMatch(tensor -> tensor.offset() % 64 == 0));
      ReferenceConfig config = ReferenceModel.of(file).config();
      assertEquals(64, config.headSize());
      assertEquals(new ReferenceConfig.Rope(10000, 4, true, 64, 1), config.rope());
    }
  }

  @Test
  void largeTensorsRepeatRows() throws IOException {
    Path path =
        RandomModel.of(TensorType.Q4_0)
            .layers(1)
            .vocabulary(20000)
            .write(folder.resolve("model.gguf"));
    try (GgufFile file = GgufFile.open(path)) {
      float[] embedding = Dequantized.floats(file, "token_embd.weight");
      assertEquals(1, deviation(embedding), 0.05);
      assertEquals(20000, file.metadata().requireStrings("tokenizer.ggml.tokens").size());
      assertTrue(deviation(Arrays.copyOfRange(embedding, 19999 * 64, 20000 * 64)) > 0.5);
    }
  }

  private static void assertSeesAsManyAsItsPositionSays(TokenBatch batch) {
    for (int i = 0; i < batch.size(); i++) {
      int place = i % batch.context();
      long seen =
          IntStream.rangeClosed(i - place, i)
              .filter(key -> batch.seenUntil()[key] >= place)
              .count();
      assertEquals(batch.positions()[i] + 1, seen);
    }
  }

  @Test
  void inputsFitTheModelAndRepeat() throws IOException {
    TokenBatch batch = RandomInputs.packedBatch(400, 3, 32, 5);
    assertArrayEquals(batch.tokens(), RandomInputs.packedBatch(400, 3, 32, 5).tokens());
    assertFalse(Arrays.equals(batch.tokens(), RandomInputs.packedBatch(400, 3, 32, 6).tokens()));
    assertTrue(batch.targetCount() > 20 && batch.targetCount() < 96, "" + batch.targetCount());
    assertSeesAsManyAsItsPositionSays(batch);
    TokenBatch trees = RandomInputs.branchedBatch(400, 3, 32, 5);
    assertTrue(trees.branches() && !batch.branches());
    assertSeesAsManyAsItsPositionSays(trees);
    try (GgufFile file =
        GgufFile.open(RandomModel.of(TensorType.F32).write(folder.resolve("model.gguf")))) {
      List<LoraPair> pairs =
          RandomInputs.pairs(file, List.of("attn_q", "token_embd", "output"), 3, 7);
      assertEquals(
          List.of(
              "token_embd.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight", "output.weight"),
          pairs.stream().map(LoraPair::baseTensor).toList());
      assertEquals(400, pairs.getFirst().inputs());
      ReferenceModel model = ReferenceModel.of(file);
      double[] adapted = model.run(batch, pairs, 0.5).logits()[10];
      double[] base = model.run(batch, List.of(), 1).logits()[10];
      assertEquals(1, deviation(base), 0.5);
      double[] change = ReferenceMath.sum(adapted, Arrays.stream(base).map(x -> -x).toArray());
      assertTrue(deviation(change) > 0.05, "" + deviation(change));
    }
  }

  private static double deviation(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return deviation(wide);
  }

  private static double deviation(double[] values) {
    return Math.sqrt(ReferenceMath.dot(values, 0, values, 0, values.length) / values.length);
  }
}
