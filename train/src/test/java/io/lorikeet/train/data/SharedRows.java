package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.train.data.DataSet.Packing;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Reads rows in which examples share their beginnings, from a batch's arrays alone.
final class SharedRows {
  private static final int PADDING = 0;

  /// Hashes of all that a place sees, itself included: of the beginnings of examples.
  private final Set<Long> beginnings = new HashSet<>();

  /// How often a beginning is to be followed by a token with loss, by the hash of both.
  private final Map<Long, Integer> targets = new HashMap<>();

  private int places;

  private SharedRows() {}

  /// Packs examples and finds in the batches what each would see and learn alone, and nothing else.
  ///
  /// @param examples without token 0
  static void check(List<TokenizedExample> examples, int context, int batchSize, String seed) {
    DataSet data = DataSet.of(examples, context, Packing.ROWS_AND_BEGINNINGS);
    SharedRows found = new SharedRows();
    int sources = 0;
    long weights = 0;
    for (MicroBatch batch : data.batches(batchSize)) {
      for (int row = 0; row < batchSize; row++) {
        found.read(batch.tokens(), row, seed);
      }
      weights += (long) batch.tokens().targetCount();
      sources += batch.sources().size();
    }
    SharedRows expected = new SharedRows();
    examples.forEach(expected::add);
    assertEquals(expected.beginnings, found.beginnings, seed);
    assertEquals(expected.targets, found.targets, seed);
    assertEquals(examples.size(), sources, seed);
    assertEquals(data.targets(), weights, seed);
    assertEquals(data.tokens(), found.places, seed);
    assertEquals(expected.places, data.tokens() + data.sharedTokens(), seed);
    assertTrue(data.sharedTokens() >= 0, seed);
  }

  private void add(TokenizedExample example) {
    long hash = 0;
    for (int i = 0; i < example.places(); i++) {
      hash = hash(hash, example.tokens()[i]);
      beginnings.add(hash);
      if (example.trains(i + 1)) {
        targets.merge(hash(hash, example.tokens()[i + 1]), 1, Integer::sum);
      }
    }
    places += example.places();
  }

  private static long hash(long before, int token) {
    return Shuffle.mix(before * 31 + token);
  }

  private void read(TokenBatch batch, int row, String seed) {
    int context = batch.context();
    long[] hashes = new long[context];
    for (int place = 0; place < context; place++) {
      int at = row * context + place;
      int last = -1;
      int seen = 1;
      for (int key = 0; key < place; key++) {
        if (batch.seenUntil()[row * context + key] >= place) {
          last = key;
          seen++;
        }
      }
      // One token of each position: what the place before sees, that place and itself.
      assertEquals(batch.positions()[at] + 1, seen, seed);
      assertTrue(last < 0 || batch.positions()[row * context + last] == seen - 2, seed);
      if (batch.tokens()[at] == PADDING) {
        assertEquals(1, seen, seed);
        assertEquals(place, batch.seenUntil()[at], seed);
        assertEquals(0, batch.targetWeights()[at], seed);
        continue;
      }
      places++;
      hashes[place] = hash(last < 0 ? 0 : hashes[last], batch.tokens()[at]);
      beginnings.add(hashes[place]);
      int weight = Math.round(batch.targetWeights()[at]);
      assertEquals(weight, batch.targetWeights()[at], seed);
      if (weight > 0) {
        targets.merge(hash(hashes[place], batch.targets()[at]), weight, Integer::sum);
      }
    }
  }
}
