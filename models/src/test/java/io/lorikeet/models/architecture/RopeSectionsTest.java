package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Rotation by sections far into a text, where pairs that turn would be elsewhere than those that
/// stand still: logits behind position 30,000 are llama.cpp's.
@Tag("long")
@ExtendWith(LeakCheck.class)
class RopeSectionsTest {
  private static final int CONTEXT = 30_200;
  private static final int COMPARED = 200;
  private static final double BOUND = 1e-4;

  @TempDir Path folder;

  /// Sections of published models, and some of which two pairs of 64 belong to the fourth
  /// dimension.
  @ParameterizedTest
  @CsvSource({"qwen2vl, 16, 24, 22, 2", "qwen2vl, 16, 24, 24, 0", "qwen3vl, 24, 20, 20, 0"})
  void farIntoAText(String family, int time, int height, int width, int fourth) throws IOException {
    Path file =
        new RandomFamily(family, TensorType.F32)
            .put("block_count", 1)
            .put("context_length", CONTEXT)
            .put("embedding_length", 128)
            .put("attention.head_count", 1)
            .put("attention.head_count_kv", 1)
            .put("rope.freq_base", 1e5f)
            .put("rope.dimension_sections", GgufValue.Array.ofInts(time, height, width, fourth))
            .write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 9);
    PassShape shape = new PassShape(1, CONTEXT, 64, 512, 64);
    try (ModelRun run = new ModelRun(file, "cpu", null, shape, Precision.LLAMA, 0)) {
      float[][] expected = LlamaLogits.of(file, null, batch.tokens(), folder);
      float[][] actual = run.logits(batch);
      double worst = 0;
      for (int i = CONTEXT - COMPARED; i < CONTEXT; i++) {
        double error =
            ModelRun.relativeError(ModelRun.widened(actual[i]), ModelRun.widened(expected[i]));
        worst = Math.max(worst, error);
      }
      assertTrue(worst < BOUND, "relative error of a token " + worst);
    }
  }
}
