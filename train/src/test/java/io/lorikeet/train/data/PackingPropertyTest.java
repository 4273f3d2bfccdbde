package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.train.data.DataSet.Packing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/// Random examples through the packer and into batches, and back.
class PackingPropertyTest {
  private static final int PADDING = 0;

  @RepeatedTest(20)
  void batchesHoldTheExamplesAndNothingElse() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int context = 2 + random.nextInt(100);
    List<TokenizedExample> examples = randomExamples(random, context, 1 + random.nextInt(200));
    int batchSize = 1 + random.nextInt(4);
    assertPacks(examples, context, batchSize, "seed " + seed);
  }

  /// Packs examples and one by one takes them out of the batches again: they are all there, each
  /// sees nothing but itself, and has its loss where it should.
  static void assertPacks(
      List<TokenizedExample> examples, int context, int batchSize, String seed) {
    for (Packing packing : List.of(Packing.ROWS, Packing.NONE)) {
      DataSet data = DataSet.of(examples, context, packing);
      List<List<Integer>> found = new ArrayList<>();
      long weights = 0;
      for (MicroBatch batch : data.batches(batchSize)) {
        weights += (long) batch.tokens().targetCount();
        for (int row = 0; row < batchSize; row++) {
          found.addAll(unpack(batch.tokens(), row, seed));
        }
      }
      assertEquals(
          sorted(examples.stream().map(PackingPropertyTest::flat).toList()), sorted(found), seed);
      assertEquals(data.targets(), weights, seed);
      assertEquals(examples.size(), data.examples(), seed);
      assertEquals(0, data.sharedTokens(), seed);
    }
    SharedRows.check(examples, context, batchSize, seed);
  }

  /// Chats of examples that begin alike, of few different tokens, so that they do it in every way.
  @RepeatedTest(100)
  void examplesOfAChatShareWhatTheyBeginWith() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int context = 2 + random.nextInt(60);
    List<TokenizedExample> examples = new ArrayList<>();
    for (int line = 1; line <= 40; line++) {
      int[] tokens = {1};
      for (int turn = random.nextInt(6); turn >= 0; turn--) {
        int kept = 1 + random.nextInt(tokens.length);
        int length = Math.min(context + 1, kept + 1 + random.nextInt(1 + context / 3));
        tokens = Arrays.copyOf(tokens, length);
        float[] weights = new float[length];
        for (int at = Math.min(kept, length - 1); at < length; at++) {
          tokens[at] = 1 + random.nextInt(3);
        }
        for (int at = 1; at < length; at++) {
          weights[at] = random.nextInt(4) == 0 ? 1 : 0;
        }
        weights[length - 1] = 1;
        examples.add(new TokenizedExample(tokens, weights, "f", line));
      }
    }
    SharedRows.check(examples, context, 1 + random.nextInt(3), "seed " + seed);
  }

  /// No row could be emptied into another: at most one row is at most half full.
  @RepeatedTest(5)
  void rowsAreFull() {
    long seed = new Random().nextLong();
    List<TokenizedExample> examples = randomExamples(new Random(seed), 64, 500);
    List<PackedRow> rows = DataSet.of(examples, 64, Packing.ROWS).rows();
    assertTrue(rows.stream().filter(row -> row.usedPlaces() <= 32).count() <= 1, "seed " + seed);
    assertEquals(
        rows.stream().map(PackedRow::examples).toList(),
        DataSet.of(examples, 64, Packing.ROWS).rows().stream().map(PackedRow::examples).toList(),
        "seed " + seed);
  }

  @Test
  void shortExamplesLeaveHardlyAnyPadding() {
    Random random = new Random(7);
    DataSet data = DataSet.of(randomExamples(random, 100, 5000), 1000, Packing.ROWS);
    assertTrue(data.paddingShare() < 0.01, data.summary());
  }

  @Test
  void refusesWhatDoesNotFit() {
    List<TokenizedExample> examples = List.of(new TokenizedExample(new int[5], 1, "f", 1));
    assertEquals(1, DataSet.of(examples, 4, Packing.ROWS).rows().size());
    assertThrows(IllegalArgumentException.class, () -> DataSet.of(examples, 3, Packing.ROWS));
    assertThrows(IllegalArgumentException.class, () -> DataSet.of(examples, 3, Packing.NONE));
  }

  /// Examples with token ids from 1 on, so that padding stands out.
  private static List<TokenizedExample> randomExamples(Random random, int context, int count) {
    List<TokenizedExample> examples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] tokens = random.ints(2 + random.nextInt(context), 1, 1000).toArray();
      float[] weights = new float[tokens.length];
      for (int at = 1; at < tokens.length; at++) {
        weights[at] = random.nextBoolean() ? 1 : 0;
      }
      weights[1 + random.nextInt(tokens.length - 1)] = 1;
      examples.add(new TokenizedExample(tokens, weights, "f", i + 1));
    }
    return examples;
  }

  /// Tokens of each example of a row, those with loss negative, from the arrays alone; checks
  /// what must hold at every place.
  static List<List<Integer>> unpack(TokenBatch batch, int row, String seed) {
    List<List<Integer>> found = new ArrayList<>();
    int context = batch.context();
    int place = 0;
    while (place < context && batch.tokens()[row * context + place] != PADDING) {
      int start = place;
      List<Integer> tokens = new ArrayList<>();
      int at;
      int sign = 1;
      do {
        at = row * context + place;
        assertEquals(batch.seenUntil()[row * context + start], batch.seenUntil()[at], seed);
        assertEquals(place - start, batch.positions()[at], seed);
        tokens.add(sign * batch.tokens()[at]);
        boolean trained = batch.targetWeights()[at] == 1;
        assertTrue(trained || batch.targetWeights()[at] == 0, seed);
        sign = trained ? -1 : 1;
        place++;
      } while (place <= batch.seenUntil()[row * context + start]);
      boolean within = true;
      for (int i = start; i < place - 1; i++) {
        within &= batch.targets()[row * context + i] == batch.tokens()[row * context + i + 1];
      }
      assertTrue(within, seed);
      tokens.add(sign * batch.targets()[at]);
      found.add(tokens);
    }
    for (; place < context; place++) {
      int at = row * context + place;
      assertEquals(PADDING, batch.tokens()[at], seed);
      assertEquals(0, batch.targetWeights()[at], seed);
      assertEquals(0, batch.positions()[at], seed);
      assertEquals(place, batch.seenUntil()[at], seed);
    }
    return found;
  }

  static List<Integer> flat(TokenizedExample example) {
    return IntStream.range(0, example.tokens().length)
        .map(at -> example.trains(at) ? -example.tokens()[at] : example.tokens()[at])
        .boxed()
        .toList();
  }

  static List<String> sorted(List<List<Integer>> examples) {
    return examples.stream().map(List::toString).sorted().toList();
  }
}
