package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Families at the depth, vocabulary and length of real models, against llama.cpp's logits.
@ExtendWith(LeakCheck.class)
@Tag("long")
class DeepFamilyTest {
  private static final int LAYERS = 24;
  private static final int CONTEXT = 512;
  private static final double EXACT = 1e-4;

  /// GELU's table of F16 makes small differences larger, as [FamilyTest] tells.
  private static final double GELU = 5e-4;

  @TempDir Path folder;

  private static Stream<FamilyCase> families() {
    return FamilyCase.all().filter(FamilyCase::first);
  }

  /// 24 layers, and a channel of the hidden states that is 1,000 times as large as the others.
  @ParameterizedTest
  @MethodSource("families")
  void deepWithOutliers(FamilyCase family) throws IOException {
    compare(family.of(TensorType.F32).deep(LAYERS).outliers(), RandomFamily.VOCABULARY, CONTEXT);
  }

  /// As many tokens as Gemma 3 and 4 have.
  @ParameterizedTest
  @ValueSource(strings = {"qwen35", "gemma4 shared keys", "gemma3n", "lfm2", "granitehybrid"})
  void vocabularyOfRealSize(String family) throws IOException {
    compare(FamilyCase.named(family).of(TensorType.F32).vocabulary(262_144), 262_144, 64);
  }

  /// One base of each mixer, windows, and positions beyond 30,000 with sections.
  @ParameterizedTest
  @CsvSource({
    "qwen3, 4096",
    "gemma3, 4096",
    "gemma4 shared keys, 4096",
    "gemma3n, 4096",
    "qwen2vl, 4096",
    "qwen2vl, 32768",
    "qwen35, 4096",
    "qwen35, 16384",
    "lfm2, 4096",
    "lfm2, 16384",
    "granitehybrid, 4096",
    "granitehybrid, 16384",
    "nemotron_h, 4096",
    "falcon-h1, 4096",
  })
  void longContext(String family, int context) throws IOException {
    compare(
        FamilyCase.named(family).of(TensorType.F32).put("context_length", context),
        RandomFamily.VOCABULARY,
        context);
  }

  private void compare(RandomFamily family, int vocabulary, int context) throws IOException {
    Path file = family.write(folder.resolve("m.gguf"));
    TokenBatch batch = RandomInputs.plainBatch(vocabulary, context, 9);
    PassShape shape = new PassShape(1, context, 128, 128, 128);
    double square = 0;
    double size = 0;
    try (ModelRun run = new ModelRun(file, "cpu", null, shape, Precision.LLAMA, 0)) {
      float[][] expected = LlamaLogits.of(file, null, batch.tokens(), folder);
      float[][] actual = run.logits(batch);
      for (int token = 0; token < context; token++) {
        for (int i = 0; i < vocabulary; i++) {
          double difference = actual[token][i] - expected[token][i];
          square += difference * difference;
          size += (double) expected[token][i] * expected[token][i];
        }
      }
    }
    double error = Math.sqrt(square / size);
    double bound = family.architecture().startsWith("gemma") ? GELU : EXACT;
    assertTrue(error <= bound, "relative error " + error);
  }
}
