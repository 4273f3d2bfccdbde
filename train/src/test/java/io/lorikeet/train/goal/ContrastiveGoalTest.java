package io.lorikeet.train.goal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.DataSet.Packing;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The loss of queries and passages, from the states of a batch to the gradient by these.
class ContrastiveGoalTest {
  private static final int SIZE = 6;
  private static final float EPSILON = 1e-5f;

  /// A text of some tokens, all its own unless another has the same seed.
  private static TokenizedExample text(int line, Judgement judgement, int length, int seed) {
    int[] tokens = new SplittableRandom(seed).ints(length + 1, 0, 1000).toArray();
    float[] weights = new float[length + 1];
    weights[length] = 1;
    return new TokenizedExample(tokens, weights, "f", line, judgement, 0);
  }

  private static MicroBatch batch(List<TokenizedExample> texts) {
    DataSet rows = DataSet.of(texts, 32, Packing.ROWS_AND_BEGINNINGS);
    assertEquals(
        texts.stream().filter(text -> text.judgement() == Judgement.QUERY).count(),
        rows.rows().size());
    return rows.batches(rows.rows().size()).getFirst();
  }

  /// The place of each text's last token, as it was laid out: row by row, text after text.
  private static List<Integer> ends(MicroBatch batch) {
    List<Integer> ends = new ArrayList<>();
    for (int row = 0; row < batch.rows().size(); row++) {
      int next = row * batch.tokens().context();
      for (TokenizedExample example : batch.rows().get(row).examples()) {
        next += example.places();
        ends.add(next - 1);
      }
    }
    return ends;
  }

  private static Objective.HiddenLosses at(ContrastiveGoal goal, MicroBatch batch, float[] hidden) {
    Goal.Round round = goal.begin(null, List.of());
    return ((Objective.OfHidden) round.objective(batch)).at(hidden);
  }

  /// States, losses and gradients of PyTorch, see `contrastive_losses.py`.
  @Test
  void lossesAreThoseOfPyTorch() throws IOException {
    JsonNode cases;
    try (InputStream json = getClass().getResourceAsStream("contrastive_losses.json")) {
      cases = new ObjectMapper().readTree(json);
    }
    assertEquals(3, cases.size());
    for (JsonNode known : cases) {
      float[] norm = new float[SIZE];
      for (int i = 0; i < SIZE; i++) {
        norm[i] = known.get("norm").get(i).floatValue();
      }
      Pooling pooling = Pooling.valueOf(known.get("pooling").textValue());
      TextEmbedding embedding = new TextEmbedding(norm, EPSILON, pooling);
      ContrastiveGoal goal = new ContrastiveGoal(embedding, known.get("temperature").doubleValue());
      compare(known, goal);
    }
  }

  private static void compare(JsonNode known, ContrastiveGoal goal) {
    Judgement[] parts = {Judgement.QUERY, Judgement.PASSAGE, Judgement.NEGATIVE};
    List<TokenizedExample> texts = new ArrayList<>();
    List<JsonNode> states = new ArrayList<>();
    List<JsonNode> gradients = new ArrayList<>();
    for (int line = 0; line < known.get("lines").size(); line++) {
      JsonNode ofLine = known.get("lines").get(line);
      for (int i = 0; i < ofLine.size(); i++) {
        texts.add(text(line + 1, parts[i], ofLine.get(i).size(), 10 * line + i));
        states.add(ofLine.get(i));
        gradients.add(known.get("gradients").get(line).get(i));
      }
    }
    MicroBatch batch = batch(texts);
    List<Integer> ends = ends(batch);
    float[] hidden = new float[batch.tokens().size() * SIZE];
    float[] expected = new float[hidden.length];
    for (int i = 0; i < texts.size(); i++) {
      for (int token = 0; token < states.get(i).size(); token++) {
        int place = ends.get(i) - states.get(i).size() + 1 + token;
        for (int j = 0; j < SIZE; j++) {
          hidden[place * SIZE + j] = states.get(i).get(token).get(j).floatValue();
          expected[place * SIZE + j] = gradients.get(i).get(token).get(j).floatValue();
        }
      }
    }
    Objective.HiddenLosses computed = at(goal, batch, hidden);
    List<Float> losses = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      if (texts.get(i).judgement() == Judgement.PASSAGE) {
        losses.add(computed.losses()[ends.get(i)]);
      }
    }
    double sum = 0;
    for (int i = 0; i < losses.size(); i++) {
      double loss = known.get("losses").get(i).doubleValue();
      assertEquals(loss, losses.get(i), 1e-6 * (1 + loss));
      sum += loss;
    }
    assertArrayEquals(expected, computed.gradient(), 2e-6f);
    Goal.Round round = goal.begin(null, List.of());
    round.add(batch, computed.losses());
    assertEquals(sum / losses.size(), round.result().loss(), 1e-6 * (1 + sum));
    assertEquals(3, round.result().count());
  }

  private static float[] states(MicroBatch batch) {
    SplittableRandom random = new SplittableRandom(7);
    float[] hidden = new float[batch.tokens().size() * SIZE];
    for (int i = 0; i < hidden.length; i++) {
      hidden[i] = (float) random.nextGaussian();
    }
    return hidden;
  }

  private static ContrastiveGoal goal(Pooling pooling) {
    float[] norm = {1, 0.5f, 2, -1, 1.5f, 0.7f};
    return new ContrastiveGoal(new TextEmbedding(norm, EPSILON, pooling), 0.3);
  }

  /// Queries with several passages, a passage of two queries, and the same query twice.
  private static List<TokenizedExample> entangled() {
    return List.of(
        text(1, Judgement.QUERY, 3, 1),
        text(1, Judgement.PASSAGE, 4, 2),
        text(1, Judgement.PASSAGE, 2, 3),
        text(1, Judgement.NEGATIVE, 5, 4),
        text(2, Judgement.QUERY, 2, 5),
        text(2, Judgement.PASSAGE, 4, 2),
        text(3, Judgement.QUERY, 3, 1),
        text(3, Judgement.PASSAGE, 3, 6));
  }

  @ParameterizedTest
  @EnumSource
  void gradientsAreThoseOfTheLoss(Pooling pooling) {
    MicroBatch batch = batch(entangled());
    float[] hidden = states(batch);
    ContrastiveGoal goal = goal(pooling);
    float[] gradient = at(goal, batch, hidden).gradient();
    int counted = 0;
    float step = 0x1p-8f;
    for (int i = 0; i < hidden.length; i++) {
      double slope =
          (sum(goal, batch, hidden, i, step) - sum(goal, batch, hidden, i, -step)) / (2 * step);
      assertEquals(slope, gradient[i], 2e-3, "state " + i);
      counted += gradient[i] == 0 ? 0 : 1;
    }
    int places = pooling == Pooling.LAST ? entangled().size() : 26;
    assertEquals(places * SIZE, counted);
  }

  private static double sum(
      ContrastiveGoal goal, MicroBatch batch, float[] hidden, int at, float step) {
    float[] moved = hidden.clone();
    moved[at] += step;
    return batch.loss(at(goal, batch, moved).losses());
  }

  /// With embeddings along axes, who is compared with whom is seen in the loss.
  @Test
  void passagesOfTheSameQueryArentItsNegatives() {
    InfoNce compared = new InfoNce(entangled());
    assertEquals(
        List.of(
            new InfoNce.Pair(0, 1),
            new InfoNce.Pair(0, 2),
            new InfoNce.Pair(4, 5),
            new InfoNce.Pair(6, 7)),
        compared.pairs());
    List<double[]> alike = IntStream.range(0, 8).mapToObj(_ -> new double[] {1, 0}).toList();
    // Of the first query: passages 1, 2 and 7 (text 5 is text 1). So each has its negative only.
    double[] expected = {Math.log(2), Math.log(2), Math.log(4), Math.log(2)};
    assertArrayEquals(expected, compared.of(alike, 0.05).losses(), 1e-12);
    assertArrayEquals(new int[] {2, 2, 4, 2}, compared.ranks(alike));
  }

  @Test
  void ranksCountWhatIsNearer() {
    InfoNce compared =
        new InfoNce(
            List.of(
                text(1, Judgement.QUERY, 2, 1),
                text(1, Judgement.PASSAGE, 2, 2),
                text(1, Judgement.NEGATIVE, 2, 3),
                text(2, Judgement.QUERY, 2, 4),
                text(2, Judgement.PASSAGE, 2, 5)));
    List<double[]> embeddings =
        List.of(
            new double[] {1, 0},
            new double[] {0.8, 0.6},
            new double[] {0.6, 0.8},
            new double[] {0, 1},
            new double[] {0.6, -0.8});
    assertArrayEquals(new int[] {1, 3}, compared.ranks(embeddings));
  }

  /// Padding and neighbours of a row change nothing.
  @ParameterizedTest
  @EnumSource
  void onlyATextsOwnStatesCount(Pooling pooling) {
    MicroBatch batch = batch(entangled());
    float[] hidden = states(batch);
    ContrastiveGoal goal = goal(pooling);
    double before = sum(goal, batch, hidden, 0, 0);
    List<Integer> ends = ends(batch);
    int context = batch.tokens().context();
    int padding = ends.get(3) + 1;
    assertTrue(padding < context);
    assertEquals(before, sum(goal, batch, hidden, padding * SIZE, 5));
    assertNotEquals(before, sum(goal, batch, hidden, ends.get(3) * SIZE, 5));
  }
}
