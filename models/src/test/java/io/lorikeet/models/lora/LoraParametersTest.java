package io.lorikeet.models.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A model of 2 layers of 64, feed-forward 128, 4 heads of 16 and 2 for keys and values, vocabulary
/// 400.
@ExtendWith(LeakCheck.class)
class LoraParametersTest {
  private static final List<String> EVERYTHING = List.of("all-linear", "output", "token_embd");
  private static final int RANK = 8;

  @TempDir Path folder;
  private final Backend backend = Backend.open("cpu", 1);

  @AfterEach
  void close() {
    backend.close();
  }

  private Path model() throws IOException {
    return RandomModel.of(TensorType.F32).write(folder.resolve("m.gguf"));
  }

  private LoraAdapter create(Path file, List<String> targets, long seed) throws IOException {
    LoraSettings settings = new LoraSettings(RANK, 16, false, 0, targets, seed);
    try (GgufFile base = GgufFile.open(file);
        LoraParameters parameters =
            LoraParameters.create(base, ModelConfig.of(base), settings, backend)) {
      return parameters.toAdapter();
    }
  }

  private static LoraPair pair(LoraAdapter adapter, String tensor) {
    return adapter.pairs().stream()
        .filter(pair -> pair.baseTensor().equals(tensor))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void anAdapterOfWhichAPartWouldBeIgnoredIsRefused() throws IOException {
    LoraAdapter adapter = create(model(), EVERYTHING, 1);
    Path tied = RandomModel.of(TensorType.F32).tied().write(folder.resolve("tied.gguf"));
    try (GgufFile same = GgufFile.open(folder.resolve("m.gguf"));
        GgufFile other = GgufFile.open(tied)) {
      LoraTargets.requireTrainable(adapter, ModelConfig.of(same), "adapter");
      ModelConfig config = ModelConfig.of(other);
      InvalidInputException problem =
          assertThrows(
              InvalidInputException.class,
              () -> LoraTargets.requireTrainable(adapter, config, "reference-adapter"));
      for (String said : List.of("reference-adapter: ", "token_embd.weight", "output.weight")) {
        assertTrue(problem.getMessage().contains(said), problem.getMessage());
      }
    }
  }

  @Test
  void oneMatrixIsKaimingUniformAndTheOtherZero() throws IOException {
    LoraAdapter adapter = create(model(), EVERYTHING, 1);
    assertEquals(2 * 7 + 2, adapter.pairs().size());
    for (LoraPair pair : adapter.pairs()) {
      boolean flipped = pair.baseTensor().equals(LoraTargets.EMBEDDING);
      float[] zero = flipped ? pair.a() : pair.b();
      float[] drawn = flipped ? pair.b() : pair.a();
      assertArrayEquals(new float[zero.length], zero, pair.baseTensor());
      checkUniform(drawn, 1 / Math.sqrt(flipped ? RANK : pair.inputs()), pair.baseTensor());
    }
  }

  private static float[] floats(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  private static void checkUniform(float[] values, double bound, String name) {
    double squares = 0;
    double sum = 0;
    for (float value : values) {
      assertTrue(Math.abs(value) <= bound, name + " holds " + value);
      squares += value * value;
      sum += value;
    }
    double deviation = bound / Math.sqrt(3);
    double tolerance = 5 / Math.sqrt(values.length);
    assertEquals(deviation, Math.sqrt(squares / values.length), tolerance * deviation, name);
    assertEquals(0, sum / values.length, tolerance * deviation, name);
  }

  @Test
  void theSeedDecides() throws IOException {
    Path file = model();
    float[] first = pair(create(file, EVERYTHING, 1), "blk.1.attn_q.weight").a();
    assertArrayEquals(first, pair(create(file, EVERYTHING, 1), "blk.1.attn_q.weight").a());
    LoraAdapter other = create(file, EVERYTHING, 2);
    assertFalse(Arrays.equals(first, pair(other, "blk.1.attn_q.weight").a()));
    float[] neighbour = pair(create(file, EVERYTHING, 1), "blk.0.attn_q.weight").a();
    assertFalse(Arrays.equals(first, neighbour), "layers differ");
  }

  @Test
  void shapesAndCounts() throws IOException {
    try (GgufFile base = GgufFile.open(model());
        LoraParameters parameters =
            LoraParameters.create(
                base,
                ModelConfig.of(base),
                new LoraSettings(RANK, 16, true, 0, EVERYTHING, 1),
                backend)) {
      long layer = (64 + 64) + 2 * (64 + 32) + (64 + 64) + 3 * (64 + 128);
      long expected = RANK * (2 * layer + (64 + 400) + (400 + 64));
      assertEquals(expected, parameters.count());
      assertEquals(expected, parameters.toAdapter().parameters());
      LoraSlot embedding = parameters.slot("token_embd.weight").orElseThrow();
      assertEquals("[8, 400] and [8, 64]", embedding.aShape() + " and " + embedding.bShape());
      LoraSlot key = parameters.slot("blk.1.attn_k.weight").orElseThrow();
      assertEquals("[64, 8] and [8, 32]", key.aShape() + " and " + key.bShape());
      assertEquals(16 / Math.sqrt(RANK), key.scaling(), 1e-6);
      assertEquals(0, key.aOffset() % 64);
      assertEquals(0, key.bOffset() % 64);
      assertTrue(parameters.slot("blk.2.attn_k.weight").isEmpty());
      assertEquals(16 * Math.sqrt(RANK), parameters.toAdapter().alpha(), 1e-4, "rsLoRA folded in");
      for (float gradient : parameters.gradients().downloadFloats()) {
        assertEquals(0, gradient);
      }
    }
  }

  /// Trained with one scale, written with alpha / rank: the products are the same.
  @Test
  void pairsOfOtherRanksKeepTheirScale() throws IOException {
    LoraSettings settings = new LoraSettings(RANK, 24, false, 0, EVERYTHING, 1);
    float[] rows = floats(3 * 64, 5);
    Map<String, PairStart> starts =
        Map.of(
            "blk.0.attn_q.weight", new PairStart(3, Optional.of(rows)),
            "blk.1.ffn_up.weight", new PairStart(13, Optional.empty()));
    try (GgufFile base = GgufFile.open(model());
        LoraParameters parameters =
            LoraParameters.create(base, ModelConfig.of(base), settings, starts, backend)) {
      parameters.values().upload(floats((int) parameters.values().shape().elements(), 7));
      LoraAdapter adapter = parameters.toAdapter();
      for (LoraSlot slot : parameters.slots()) {
        assertEquals(3, slot.scaling(), slot.baseTensor());
        LoraPair trained = parameters.pair(slot);
        LoraPair written = pair(adapter, slot.baseTensor());
        PairStart start =
            starts.getOrDefault(slot.baseTensor(), new PairStart(RANK, Optional.empty()));
        assertEquals(start.rank(), written.rank());
        for (int i = 0; i < written.b().length; i++) {
          double expected = 3.0 * trained.b()[i];
          double found = (double) adapter.alpha() / written.rank() * written.b()[i];
          assertEquals(expected, found, 1e-6 * Math.abs(expected), slot.baseTensor());
        }
        assertArrayEquals(trained.a(), written.a());
      }
    }
    try (GgufFile base = GgufFile.open(model());
        LoraParameters parameters =
            LoraParameters.create(base, ModelConfig.of(base), settings, starts, backend)) {
      assertArrayEquals(rows, pair(parameters.toAdapter(), "blk.0.attn_q.weight").a());
      float[] drawn = pair(parameters.toAdapter(), "blk.1.ffn_up.weight").a();
      checkUniform(drawn, 1 / Math.sqrt(64), "drawn");
    }
  }

  @Test
  void anAdapterSurvivesTheWayThroughTheDevice() throws IOException {
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(model())) {
      pairs = RandomInputs.pairs(base, List.of("attn_k", "ffn_down", "token_embd"), 3, 9);
    }
    LoraAdapter adapter = new LoraAdapter("llama", 6, pairs);
    try (LoraParameters parameters = LoraParameters.of(adapter, backend)) {
      LoraAdapter back = parameters.toAdapter();
      assertEquals(adapter.architecture(), back.architecture());
      assertEquals(adapter.alpha(), back.alpha());
      assertEquals(pairs.size(), back.pairs().size());
      for (int i = 0; i < pairs.size(); i++) {
        assertEquals(pairs.get(i).baseTensor(), back.pairs().get(i).baseTensor());
        assertArrayEquals(pairs.get(i).a(), back.pairs().get(i).a());
        assertArrayEquals(pairs.get(i).b(), back.pairs().get(i).b());
      }
      assertEquals(2, parameters.slots().getFirst().scaling());
    }
  }

  @Test
  void targetsAreNamesOrGroups() throws IOException {
    ModelConfig config = config(model());
    assertEquals(
        List.of("blk.0.attn_q.weight", "blk.1.attn_q.weight"),
        LoraTargets.resolve(List.of("q"), config));
    assertEquals(2 * 4, LoraTargets.resolve(List.of("attention"), config).size());
    assertEquals(2 * 5, LoraTargets.resolve(List.of("attention", "q", "gate"), config).size());
    assertEquals(
        List.of("token_embd.weight", "blk.0.ffn_up.weight", "blk.1.ffn_up.weight", "output.weight"),
        LoraTargets.resolve(List.of("output", "up", "token_embd"), config));
  }

  @Test
  void unknownAndTiedTargetsAreRefused() throws IOException {
    ModelConfig config = config(model());
    String unknown =
        assertThrows(
                InvalidInputException.class,
                () -> LoraTargets.resolve(List.of("q", "attn_q"), config))
            .getMessage();
    assertTrue(unknown.contains("'attn_q'") && unknown.contains("all-linear"), unknown);
    Path tied = RandomModel.of(TensorType.F32).tied().write(folder.resolve("tied.gguf"));
    for (String target : List.of("output", "token_embd")) {
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> LoraTargets.resolve(List.of("q", target), config(tied)))
              .getMessage();
      assertTrue(message.contains("'" + target + "'"), message);
      assertTrue(message.contains("token embedding as its head"), message);
    }
    assertEquals(2 * 7, LoraTargets.resolve(List.of("all-linear"), config(tied)).size());
  }

  private static ModelConfig config(Path file) throws IOException {
    try (GgufFile base = GgufFile.open(file)) {
      return ModelConfig.of(base);
    }
  }
}
