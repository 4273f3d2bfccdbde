package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Profile;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.VulkanDevice;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Activations that backward takes from forward: losses and gradients are those that computing it
/// again gives, to the last bit.
@ExtendWith(LeakCheck.class)
@Tag("long")
class SavedActivationsTest {
  private static final PassShape SHAPE = new PassShape(2, 24, 8, 20, 16);
  private static final int SHORTER = 16;

  @TempDir Path folder;

  /// Losses of three batches, and the sum of their gradients.
  private record Outcome(double[] losses, float[] gradients) {}

  /// Four heads that share two of keys and values, dropout on what attention gives.
  @ParameterizedTest
  @EnumSource
  void nothingChanges(Precision precision) throws IOException {
    Path file = grouped();
    assertSame(file, "cpu", precision, 0.25);
  }

  /// Layers with heads of several sizes and windows; scores with sinks; a matrix for queries, keys
  /// and values together; capped scores; layers that don't attend.
  @ParameterizedTest
  @CsvSource({
    "gemma4, F32",
    "gemma4, AUTO",
    "gemma4 shared keys, F32",
    "gemma4 shared keys, AUTO",
    "gpt-oss, F32",
    "gpt-oss, AUTO",
    "qwen35, AUTO",
    "nemotron_h, AUTO",
    "falcon-h1, AUTO",
    "phi3, AUTO",
    "gemma2, AUTO",
    "lfm2, AUTO",
    "granitehybrid, AUTO"
  })
  void inOtherFamilies(String name, Precision precision) throws IOException {
    Path file = family(name).write(folder.resolve("m.gguf"));
    assertSame(file, "cpu", precision, 0);
  }

  @Tag("vulkan")
  @ParameterizedTest
  @EnumSource(names = {"F32", "AUTO"})
  void onVulkan(Precision precision) throws IOException {
    VulkanDevice.assumePresent();
    Path file = grouped();
    assertSame(file, VulkanDevice.NAME, precision, 0);
  }

  /// A layer of four heads of 16 and one of four heads of 32.
  @Test
  void takesAnElementForEachQuery() throws IOException {
    Path file = family("gemma4").write(folder.resolve("m.gguf"));
    try (ModelRun without = run(file, "cpu", options(Precision.F32, 0, SavedActivations.NONE));
        ModelRun with = run(file, "cpu", options(Precision.F32, 0, SavedActivations.ATTENTION))) {
      assertEquals(0, without.model.memory().activations());
      long widths = 0;
      for (int i = 0; i < with.config.layers(); i++) {
        widths += with.config.layer(i).queryWidth();
      }
      assertTrue(with.config.layer(0).queryWidth() != with.config.layer(1).queryWidth());
      assertEquals(widths * SHAPE.tokens() * Float.BYTES, with.model.memory().activations());
      assertEquals(without.model.memory().hiddenStates(), with.model.memory().hiddenStates());
    }
  }

  /// Keys and queries are computed again, which rotates them, but not the softmax of their
  /// products.
  @Test
  void isNotComputedAgain() throws IOException {
    Path file = grouped();
    try (ModelRun without = run(file, "cpu", options(Precision.F32, 0, SavedActivations.NONE));
        ModelRun with = run(file, "cpu", options(Precision.F32, 0, SavedActivations.ATTENTION))) {
      Set<String> again = operationsComputedAgain(without);
      Set<String> kept = operationsComputedAgain(with);
      assertTrue(again.contains("ROPE") && again.contains("SOFT_MAX"), again::toString);
      assertTrue(kept.contains("ROPE") && !kept.contains("SOFT_MAX"), kept::toString);
    }
  }

  /// With an adapter of queries alone, the feed-forward part has no other products.
  @Test
  void projectionsAreNotComputedAgain() throws IOException {
    Path file = grouped();
    List<String> queries = List.of("attn_q");
    try (ModelRun without =
            run(file, "cpu", options(Precision.F32, 0, SavedActivations.ATTENTION), queries);
        ModelRun with =
            run(file, "cpu", options(Precision.F32, 0, SavedActivations.PROJECTIONS), queries)) {
      String part = "recomputed: feed-forward";
      Set<String> again = operations(without, part);
      Set<String> kept = operations(with, part);
      assertTrue(again.contains("MUL_MAT"), again::toString);
      assertTrue(!kept.isEmpty() && !kept.contains("MUL_MAT"), kept::toString);
    }
  }

  /// Operations of the attention part that backward computes again.
  private static Set<String> operationsComputedAgain(ModelRun run) {
    return operations(run, "recomputed: attention");
  }

  private static Set<String> operations(ModelRun run, String part) {
    Profile profile =
        Profile.ofOperations(
            run.backend, () -> run.model.lossAndGradients(batches().getFirst(), 0));
    return profile.nanoseconds().keySet().stream()
        .filter(entry -> entry.part().equals(part))
        .map(Profile.ProfileEntry::operation)
        .collect(Collectors.toSet());
  }

  @Test
  void refusedWhereItIsNotKept() {
    assertRefused(true, SavedInputs.HOST, 1);
    assertRefused(true, SavedInputs.DEVICE_BF16, 1);
    assertRefused(true, SavedInputs.DEVICE, 2);
    assertRefused(false, SavedInputs.DEVICE, 1);
  }

  private static void assertRefused(boolean training, SavedInputs storage, int passes) {
    List<Integer> none = List.of();
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ModelOptions(
                SHAPE,
                none,
                Precision.F32,
                training,
                0,
                storage,
                SavedActivations.ATTENTION,
                passes,
                false,
                0,
                false));
  }

  private Path grouped() throws IOException {
    return RandomModel.of(TensorType.Q4_0).layers(3).write(folder.resolve("m.gguf"));
  }

  private static RandomFamily family(String name) {
    return FamilyCase.all()
        .filter(one -> one.name().equals(name))
        .findFirst()
        .orElseThrow()
        .of(TensorType.Q4_0);
  }

  private static ModelOptions options(Precision precision, double dropout, SavedActivations saved) {
    return new ModelOptions(
        SHAPE,
        List.of(SHORTER),
        precision,
        true,
        dropout,
        SavedInputs.DEVICE,
        saved,
        1,
        false,
        0,
        false);
  }

  private static ModelRun run(Path file, String device, ModelOptions options) throws IOException {
    return run(file, device, options, ModelRun.roles(file));
  }

  private static ModelRun run(Path file, String device, ModelOptions options, List<String> adapted)
      throws IOException {
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, adapted, 12, 5);
    }
    LoraAdapter adapter = ModelRun.adapter(pairs, 0.7);
    return new ModelRun(file, device, adapter, options, false);
  }

  /// A short batch where nothing was before, and one after a long one.
  private static List<TokenBatch> batches() {
    return List.of(batch(SHORTER, 3), batch(SHAPE.context(), 4), batch(SHORTER, 5));
  }

  private static TokenBatch batch(int context, long seed) {
    return RandomInputs.packedBatch(RandomFamily.VOCABULARY, SHAPE.rows(), context, seed);
  }

  private static void assertSame(Path file, String device, Precision precision, double dropout)
      throws IOException {
    Outcome expected = outcome(file, device, options(precision, dropout, SavedActivations.NONE));
    for (SavedActivations saved :
        List.of(SavedActivations.ATTENTION, SavedActivations.PROJECTIONS)) {
      Outcome actual = outcome(file, device, options(precision, dropout, saved));
      assertArrayEquals(expected.losses(), actual.losses(), saved::name);
      assertArrayEquals(expected.gradients(), actual.gradients(), saved::name);
    }
  }

  private static Outcome outcome(Path file, String device, ModelOptions options)
      throws IOException {
    try (ModelRun run = run(file, device, options)) {
      double[] losses = run.model.lossesAndGradients(batches(), new long[] {6, 7, 8});
      return new Outcome(losses, run.lora.gradients().downloadFloats());
    }
  }
}
