package io.lorikeet.export.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Combined adapters, held against llama.cpp with all of them applied at their scales.
@ExtendWith(LeakCheck.class)
class AdapterCombinerTest {
  private static final int[] TOKENS = IntStream.range(0, 24).map(i -> 3 + 7 * i % 250).toArray();

  @TempDir private Path folder;
  private GgufFile base;
  private LlamaModel llama;
  private LlamaContext context;
  private LoraAdapter first;
  private LoraAdapter second;

  @BeforeEach
  void open() throws IOException {
    base = GgufFile.open(RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf")));
    llama = LlamaModel.load(base.path(), new LlamaModel.Options(false, 0, false));
    context = LlamaContext.create(llama, TOKENS.length, TOKENS.length, 1);
    first = adapter(8, 4, 3, "attn_q", "ffn_down", "token_embd", "output");
    second = adapter(9, 6, 4, "attn_q", "attn_v", "ffn_down", "token_embd");
  }

  @AfterEach
  void close() {
    llama.close();
    base.close();
  }

  private LoraAdapter adapter(float alpha, int rank, long seed, String... roles) {
    return new LoraAdapter("llama", alpha, RandomInputs.pairs(base, List.of(roles), rank, seed));
  }

  @Test
  void concatenatedDoesWhatBothDo() throws IOException {
    float[] expected = logits(List.of(first, second), 0.7f, -0.3f);
    LoraAdapter combined = AdapterCombiner.concatenate(parts(0.7f, -0.3f));
    assertEquals(List.of(4, 6, 10), AdapterCombiner.ranks(combined));
    float[] actual = logits(List.of(combined), 1);
    double effect = distance(expected, logits(List.of()));
    assertTrue(
        distance(expected, actual) < 1e-5 * effect, distance(expected, actual) + " of " + effect);
  }

  @Test
  void compressedToAllItsRankIsTheSame() throws IOException {
    float[] expected = logits(List.of(first, second), 1, 1);
    AdapterCombiner.Compressed compressed =
        AdapterCombiner.compress(AdapterCombiner.concatenate(parts(1, 1)), 10);
    assertEquals(1, compressed.totalEnergy(), 1e-9);
    float[] actual = logits(List.of(compressed.adapter()), 1);
    assertTrue(distance(expected, actual) < 1e-5 * distance(expected, logits(List.of())));
  }

  @Test
  void lowerRanksComeCloserTheMoreTheyKeep() throws IOException {
    LoraAdapter combined = AdapterCombiner.concatenate(parts(1, 0.5f));
    float[] expected = logits(List.of(combined), 1);
    double effect = distance(expected, logits(List.of()));
    double before = effect;
    double energyBefore = 0;
    for (int rank : new int[] {2, 5, 9}) {
      AdapterCombiner.Compressed compressed = AdapterCombiner.compress(combined, rank);
      assertTrue(AdapterCombiner.ranks(compressed.adapter()).getLast() == rank);
      assertTrue(compressed.totalEnergy() > energyBefore, "rank " + rank);
      double left = distance(expected, logits(List.of(compressed.adapter()), 1));
      assertTrue(left < before, "rank " + rank + ": " + left + " of " + effect);
      before = left;
      energyBefore = compressed.totalEnergy();
    }
    assertTrue(energyBefore < 1);
  }

  @Test
  void refusesWhatDoesntFitTogether() {
    LoraPair pair = first.pairs().get(1);
    LoraPair narrow =
        new LoraPair(
            pair.baseTensor(), 5, pair.outputs(), 1, new float[5], new float[pair.outputs()]);
    LoraAdapter other = new LoraAdapter("qwen2", 1, List.of(narrow));
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class,
            () ->
                AdapterCombiner.concatenate(
                    List.of(
                        new AdapterCombiner.ScaledAdapter("a.gguf", first, 0),
                        new AdapterCombiner.ScaledAdapter("b.gguf", other, Double.NaN))));
    for (String words :
        List.of("a.gguf is 0", "b.gguf is NaN", "qwen2", pair.baseTensor() + " is [5, ")) {
      assertTrue(refused.getMessage().contains(words), refused.getMessage());
    }
  }

  private List<AdapterCombiner.ScaledAdapter> parts(float ofFirst, float ofSecond) {
    return List.of(
        new AdapterCombiner.ScaledAdapter("first", first, ofFirst),
        new AdapterCombiner.ScaledAdapter("second", second, ofSecond));
  }

  /// llama.cpp's logits with adapters at their scales.
  private float[] logits(List<LoraAdapter> adapters, float... scales) throws IOException {
    LlamaAdapter.Scaled[] loaded = new LlamaAdapter.Scaled[adapters.size()];
    for (int i = 0; i < loaded.length; i++) {
      Path file = folder.resolve("adapter" + i + ".gguf");
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      AdapterExporter.write(adapters.get(i), metadata, file);
      loaded[i] = LlamaAdapter.load(llama, file).scaledBy(scales[i]);
    }
    context.setAdapters(loaded);
    context.decode(TOKENS);
    return context.logits();
  }

  private static double distance(float[] first, float[] second) {
    double sum = 0;
    for (int i = 0; i < first.length; i++) {
      sum += Math.pow(first[i] - second[i], 2);
    }
    return Math.sqrt(sum);
  }
}
