package io.lorikeet.train.goal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.DataSet.Packing;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// From the losses of places to the loss of a batch of preferences, and back.
class PreferenceGoalTest {
  private static final int CONTEXT = 48;

  @TempDir private Path folder;

  /// Pairs with a prompt in common, and with answers that begin alike: these tokens have loss in
  /// both.
  private static List<TokenizedExample> examples(boolean labels) {
    List<TokenizedExample> examples = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(2);
    for (int line = 1; line <= 5; line++) {
      int[] begin = random.ints(8, 10, 90).toArray();
      for (int side = 0; side < 2; side++) {
        int length = 10 + random.nextInt(5);
        int[] tokens = Arrays.copyOf(begin, length);
        for (int i = 8; i < length; i++) {
          tokens[i] = 100 + 50 * ((side + line) % 2) + random.nextInt(40); // either comes first
        }
        float[] weights = new float[length];
        Arrays.fill(weights, 6, length, 1);
        Judgement judgement =
            labels
                ? (line % 2 == 0 ? Judgement.GOOD : Judgement.BAD)
                : (side == 0 ? Judgement.CHOSEN : Judgement.REJECTED);
        examples.add(new TokenizedExample(tokens, weights, "f", line, judgement, 0));
      }
    }
    return examples;
  }

  private static PreferenceGoal goal(Method method, int answers) {
    double[] reference = new SplittableRandom(9).doubles(answers, -20, -5).toArray();
    return new PreferenceGoal(
        new PreferenceSettings(method, 0.4, 0, 0.2, 0.5, 1.2, 0.8),
        method.hasReference() ? reference : new double[0],
        Optional.empty());
  }

  /// Derivatives by the places' losses are those of the sum, in every layout; and the sum is that
  /// of the answers apart.
  @ParameterizedTest
  @CsvSource({
    "DPO, ROWS_AND_BEGINNINGS",
    "DPO, NONE",
    "IPO, ROWS_AND_BEGINNINGS",
    "SIMPO, ROWS",
    "ORPO, ROWS_AND_BEGINNINGS",
    "KTO, ROWS_AND_BEGINNINGS",
    "KTO, ROWS",
  })
  void derivativesGoToThePlaces(Method method, Packing packing) {
    List<TokenizedExample> examples = examples(method == Method.KTO);
    PreferenceGoal goal = goal(method, examples.size());
    for (MicroBatch batch : DataSet.of(examples, CONTEXT, packing).batches(2)) {
      SplittableRandom random = new SplittableRandom(batch.tokens().size());
      float[] losses = new float[batch.tokens().size()];
      for (int i = 0; i < losses.length; i++) {
        losses[i] = 0.5f + (float) random.nextDouble();
      }
      Goal.Round round = goal.begin(null, List.of());
      float[] derivatives = ((Objective.OfLosses) round.objective(batch)).derivatives(losses);
      int counted = 0;
      for (int i = 0; i < losses.length; i++) {
        float step = 0x1p-9f;
        double slope =
            (sum(goal, batch, losses, i, step) - sum(goal, batch, losses, i, -step))
                / (2 * (double) step);
        assertEquals(slope, derivatives[i], 2e-4 * (1 + Math.abs(slope)), "place " + i);
        assertTrue(batch.tokens().targetWeights()[i] != 0 || derivatives[i] == 0);
        counted += derivatives[i] == 0 ? 0 : 1;
      }
      assertTrue(counted > 5);
    }
  }

  private static double sum(
      PreferenceGoal goal, MicroBatch batch, float[] losses, int place, float step) {
    float[] moved = losses.clone();
    moved[place] += step;
    Goal.Round round = goal.begin(null, List.of());
    round.add(batch, moved);
    return round.result().sum();
  }

  /// In whatever order a row holds them.
  @Test
  void bothSidesOfAPairFindEachOther() {
    List<TokenizedExample> examples = examples(false);
    double[] reference = new double[examples.size()];
    PreferenceGoal goal =
        new PreferenceGoal(
            new PreferenceSettings(Method.DPO, 1, 0, 0, 0, 0, 0), reference, Optional.empty());
    for (Packing packing : Packing.values()) {
      Goal.Round round = goal.begin(null, List.of());
      for (MicroBatch batch : DataSet.of(examples, CONTEXT, packing).batches(1)) {
        float[] losses = new float[batch.tokens().size()];
        List<TokenizedExample> inBatch = batch.examples();
        batch.forEachTarget(
            (example, _, place) ->
                losses[place] = inBatch.get(example).judgement().isWanted() ? 0.1f : 50);
        round.add(batch, losses);
      }
      Goal.GoalResult result = round.result();
      assertEquals(5, result.count());
      assertEquals(0, result.loss(), 1e-6);
      assertEquals(1, result.figures().get("reward_accuracy"));
      assertTrue(result.figures().get("reward_margin") > 100);
    }
  }

  @Test
  void mismatchesHaveAnswersOfOthers() {
    List<TokenizedExample> examples = examples(true);
    DataSet data = DataSet.of(examples, CONTEXT, Packing.ROWS);
    Mismatches mismatches = new Mismatches(data, 1, 5);
    Mismatches others = new Mismatches(data, 1, 6);
    int different = 0;
    for (int i = 0; i < examples.size(); i++) {
      TokenizedExample own = examples.get(i);
      TokenizedExample mismatch = mismatches.of(i);
      assertArrayEquals(
          Arrays.copyOf(own.tokens(), 6), Arrays.copyOf(mismatch.tokens(), 6), "the prompt");
      int[] answer = Arrays.copyOfRange(mismatch.tokens(), 6, mismatch.tokens().length);
      assertNotEquals(-1, answer.length);
      long sources =
          examples.stream()
              .filter(
                  one ->
                      Arrays.equals(
                          answer, Arrays.copyOfRange(one.tokens(), 6, one.tokens().length)))
              .filter(one -> one != own)
              .count();
      assertEquals(1, sources);
      assertEquals(answer.length, mismatch.targets());
      different += Arrays.equals(mismatch.tokens(), others.of(i).tokens()) ? 0 : 1;
    }
    assertTrue(different > 4, "the seed draws");
  }

  @Test
  void theReferenceIsKeptUnderItsKey() throws Exception {
    Path file = folder.resolve("reference.bin");
    assertTrue(ReferenceLosses.read(file, "key").isEmpty());
    double[] first = {-1.5, -1e-300, -7};
    new ReferenceLosses(List.of(first, new double[0])).write(file, "key");
    List<double[]> read = ReferenceLosses.read(file, "key").orElseThrow().lists();
    assertEquals(2, read.size());
    assertArrayEquals(first, read.getFirst());
    assertTrue(ReferenceLosses.read(file, "another").isEmpty());
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 9] ^= 1;
    Files.write(file, bytes);
    assertTrue(ReferenceLosses.read(file, "key").isEmpty(), "damaged");
    Files.write(file, new byte[3]);
    assertTrue(ReferenceLosses.read(file, "key").isEmpty(), "cut off");
  }
}
