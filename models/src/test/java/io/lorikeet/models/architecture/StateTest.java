package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Layers that carry a state along a row, or share keys and values: examples that share a row know
/// nothing of each other.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class StateTest {
  private static final double BOUND = 1e-5;
  private static final int CONTEXT = 150;
  private static final int EXAMPLES = 41;
  private static final PassShape SHAPE = new PassShape(1, CONTEXT, 32, 64, 64);

  @TempDir Path folder;

  private Path write(String name) throws IOException {
    FamilyCase family =
        FamilyCase.all().filter(one -> one.name().equals(name)).findFirst().orElseThrow();
    return family.of(TensorType.F32).write(folder.resolve("m.gguf"));
  }

  /// Examples of random length, each as it is alone at the beginning of a row; and all of them in
  /// one row.
  private record Examples(List<TokenBatch> alone, TokenBatch packed, List<Integer> lengths) {

    static Examples random() {
      SplittableRandom random = new SplittableRandom(11);
      List<TokenBatch> alone = new ArrayList<>();
      List<Integer> lengths = new ArrayList<>();
      int[] all = new int[0];
      for (int i = 0; i < EXAMPLES; i++) {
        int most = CONTEXT - all.length - (EXAMPLES - 1 - i);
        int length = i == EXAMPLES - 1 ? most : Math.min(most, 1 + random.nextInt(6));
        int[] tokens = random.ints(length, 0, RandomFamily.VOCABULARY).toArray();
        lengths.add(length);
        alone.add(row(tokens, List.of(length)));
        int[] joined = new int[all.length + length];
        System.arraycopy(all, 0, joined, 0, all.length);
        System.arraycopy(tokens, 0, joined, all.length, length);
        all = joined;
      }
      return new Examples(alone, row(all, lengths), lengths);
    }

    /// A row of examples; what is left of it is padding.
    private static TokenBatch row(int[] given, List<Integer> lengths) {
      int[] tokens = new int[CONTEXT];
      System.arraycopy(given, 0, tokens, 0, given.length);
      int[] positions = new int[CONTEXT];
      int[] seenUntil = new int[CONTEXT];
      int[] targets = new int[CONTEXT];
      float[] weights = new float[CONTEXT];
      int first = 0;
      for (int length : lengths) {
        for (int i = 0; i < length; i++) {
          positions[first + i] = i;
          seenUntil[first + i] = first + length - 1;
          targets[first + i] = tokens[first + (i + 1) % length];
          weights[first + i] = 1;
        }
        first += length;
      }
      for (int i = first; i < CONTEXT; i++) {
        seenUntil[i] = i;
      }
      return new TokenBatch(1, CONTEXT, tokens, positions, seenUntil, targets, weights);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen35",
        "qwen3next",
        "lfm2",
        "lfm2moe",
        "granitehybrid",
        "nemotron_h",
        "nemotron_h_moe",
        "falcon-h1",
        "gemma3n",
        "gemma4 shared keys"
      })
  void packedIsAsAlone(String family) throws IOException {
    Path file = write(family);
    Examples examples = Examples.random();
    try (ModelRun run = ModelRun.adapted(file, ModelRun.roles(file), SHAPE, 0)) {
      float[][] packed = run.logits(examples.packed());
      double loss = run.model.lossAndGradients(examples.packed(), 0);
      double[] gradients = ModelRun.widened(run.lora.gradients().downloadFloats());
      run.lora.gradients().clear();
      double sum = 0;
      int first = 0;
      for (int i = 0; i < EXAMPLES; i++) {
        TokenBatch alone = examples.alone().get(i);
        float[][] logits = run.logits(alone);
        for (int token = 0; token < examples.lengths().get(i); token++) {
          double error =
              ModelRun.relativeError(
                  ModelRun.widened(packed[first + token]), ModelRun.widened(logits[token]));
          assertTrue(error < BOUND, "example %s, token %s: %s".formatted(i, token, error));
        }
        first += examples.lengths().get(i);
        sum += run.model.lossAndGradients(alone, 0);
      }
      assertEquals(sum, loss, BOUND * sum);
      double[] expected = ModelRun.widened(run.lora.gradients().downloadFloats());
      double error = ModelRun.relativeError(gradients, expected);
      assertTrue(error < BOUND, "relative error of the gradients " + error);
    }
  }

  /// Rows side by side are as each is alone.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen35",
        "qwen3next",
        "lfm2",
        "lfm2moe",
        "granitehybrid",
        "nemotron_h",
        "nemotron_h_moe",
        "falcon-h1",
        "gemma3n",
        "gemma4 shared keys"
      })
  void rowsAreApart(String family) throws IOException {
    Path file = write(family);
    TokenBatch both = RandomInputs.packedBatch(RandomFamily.VOCABULARY, 2, CONTEXT, 4);
    List<String> roles = ModelRun.roles(file);
    float[][] together;
    try (ModelRun run = ModelRun.adapted(file, roles, new PassShape(2, CONTEXT, 32, 64, 64), 0)) {
      together = run.logits(both);
    }
    try (ModelRun run = ModelRun.adapted(file, roles, SHAPE, 0)) {
      for (int row = 0; row < 2; row++) {
        float[][] alone = run.logits(row(both, row));
        for (int i = 0; i < CONTEXT; i++) {
          double error =
              ModelRun.relativeError(
                  ModelRun.widened(together[row * CONTEXT + i]), ModelRun.widened(alone[i]));
          assertTrue(error < BOUND, "row %s, token %s: %s".formatted(row, i, error));
        }
      }
    }
  }

  private static TokenBatch row(TokenBatch batch, int row) {
    int from = row * batch.context();
    int to = from + batch.context();
    return new TokenBatch(
        1,
        batch.context(),
        Arrays.copyOfRange(batch.tokens(), from, to),
        Arrays.copyOfRange(batch.positions(), from, to),
        Arrays.copyOfRange(batch.seenUntil(), from, to),
        Arrays.copyOfRange(batch.targets(), from, to),
        Arrays.copyOfRange(batch.targetWeights(), from, to));
  }

  /// A state can't branch.
  @Test
  void sharedBeginningsAreRefused() throws IOException {
    Path file = write("qwen35");
    TokenBatch branched = RandomInputs.branchedBatch(RandomFamily.VOCABULARY, 1, CONTEXT, 3);
    assertTrue(branched.branches());
    try (ModelRun run = ModelRun.adapted(file, ModelRun.roles(file), SHAPE, 0)) {
      assertThrows(IllegalArgumentException.class, () -> run.model.loss(branched));
    }
  }
}
