package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.train.goal.TokenGoal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightedTokensTest {
  private static final TokenizedExample HALF =
      new TokenizedExample(new int[] {1, 5, 6, 7}, new float[] {0, 0, 0.5f, 0.5f}, "f", 1);
  private static final TokenizedExample TRIPLE =
      new TokenizedExample(new int[] {1, 5, 6, 8}, new float[] {0, 0, 3, 3}, "f", 2);

  @TempDir Path folder;

  /// The common 6 is predicted once, with the weights of both.
  @Test
  void aSharedPlaceHasTheSumOfTheWeights() {
    DataSet data = DataSet.of(List.of(HALF, TRIPLE), 8, DataSet.Packing.ROWS_AND_BEGINNINGS);
    MicroBatch batch = data.batches(1).getFirst();
    float[] losses = new float[8];
    double[] ofToken = {0, 0, 0, 0, 0, 0, 0.1, 0.7, 2};
    batch.forEachTarget(
        (_, _, place) -> losses[place] = (float) ofToken[batch.tokens().targets()[place]]);
    assertEquals(7, batch.tokens().targetCount());
    double[] expected = {0.5 * 0.1 + 0.5 * 0.7, 3 * 0.1 + 3 * 2};
    assertArrayEquals(expected, batch.exampleLosses(losses), 1e-6);
    assertEquals(expected[0] + expected[1], batch.tokens().weighted(losses), 1e-6);
    var round = new TokenGoal().begin(null, List.of(batch));
    round.add(batch, losses);
    assertEquals((expected[0] + expected[1]) / 7, round.result().loss(), 1e-7);
  }

  @Test
  void weightsAreKeptWithTheTokens() throws IOException {
    for (int small : new int[] {0, TokenStoreWriter.SMALL}) {
      TokenizedExample plain = new TokenizedExample(new int[] {1, 2, 3}, 1, "f", 3);
      Path file = folder.resolve("tokens" + small);
      try (TokenStoreWriter writer = new TokenStoreWriter(file, false, small)) {
        for (TokenizedExample example : List.of(HALF, plain, TRIPLE)) {
          writer.add(example, 0, example.tokens().length, Fingerprint.of("words"));
        }
        try (TokenStore store = writer.finish(List.of())) {
          assertArrayEquals(HALF.weights(), store.get(0).weights());
          assertArrayEquals(plain.weights(), store.get(1).weights());
          assertArrayEquals(plain.tokens(), store.get(1).tokens());
          assertArrayEquals(TRIPLE.weights(), store.get(2).weights());
          assertArrayEquals(TRIPLE.tokens(), store.get(2).tokens());
        }
      }
    }
  }
}
