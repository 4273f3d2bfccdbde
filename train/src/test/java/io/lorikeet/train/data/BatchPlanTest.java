package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchPlanTest {

  @Test
  void everyEpochGoesThroughAllRowsOnceInAnOrderOfItsOwn() {
    BatchPlan plan = new BatchPlan(rows(11), 2, 2, 5);
    assertEquals(3, plan.stepsPerEpoch());
    List<Integer> first = lines(plan, 1, 3);
    List<Integer> second = lines(plan, 4, 6);
    List<Integer> all = IntStream.rangeClosed(1, 11).boxed().toList();
    assertEquals(all, first.stream().sorted().toList());
    assertEquals(all, second.stream().sorted().toList());
    assertNotEquals(first, second);
    assertNotEquals(all, first);
    assertEquals(4.0 / 11, plan.epochsAfter(1), 1e-12);
    assertEquals(1, plan.epochsAfter(3));
    assertEquals(2, plan.epochsAfter(6));
  }

  @Test
  void theLastStepOfAnEpochHasWhatIsLeft() {
    List<MicroBatch> last = new BatchPlan(rows(11), 2, 2, 5).step(3);
    assertEquals(2, last.size());
    assertEquals(List.of(2, 1), last.stream().map(batch -> batch.rows().size()).toList());
    MicroBatch half = last.get(1);
    assertEquals(2, half.tokens().rows());
    assertEquals(half.rows().getFirst().targets(), (int) half.tokens().targetCount());
    assertEquals(1, half.sources().size());
  }

  @Test
  void stepsCanBeAskedForInAnyOrder() {
    BatchPlan forward = new BatchPlan(rows(11), 2, 2, 5);
    List<Integer> fifth =
        IntStream.of(1, 4, 5).mapToObj(step -> lines(forward, step, step)).toList().getLast();
    assertEquals(fifth, lines(new BatchPlan(rows(11), 2, 2, 5), 5, 5));
    assertNotEquals(lines(forward, 1, 3), lines(new BatchPlan(rows(11), 2, 2, 6), 1, 3));
  }

  /// Hardly more is computed than the rows hold, all rows come once, and batches of short and of
  /// long rows come in any order.
  @Test
  void rowsOfABatchAreOfSimilarLength() {
    int context = 1024;
    DataSet data = differentRows(403, context);
    BatchPlan plan = new BatchPlan(data, 4, 3, 5);
    List<Integer> lengths = new ArrayList<>();
    long computed = 0;
    for (int step = 1; step <= plan.stepsPerEpoch(); step++) {
      for (MicroBatch batch : plan.step(step)) {
        lengths.add(batch.tokens().context());
        computed += batch.tokens().size();
      }
    }
    List<Integer> all = IntStream.rangeClosed(1, 403).boxed().toList();
    List<Integer> order = lines(plan, 1, plan.stepsPerEpoch());
    assertEquals(all, order.stream().sorted().toList());
    assertTrue(computed < 1.35 * data.tokens(), computed + " for " + data.tokens());
    assertTrue(data.paddingShare() < 0.25, data.summary());
    List<Integer> asked = new ArrayList<>(data.shorterLengths());
    asked.add(context);
    assertTrue(asked.containsAll(lengths), lengths + " but " + asked);
    long turns =
        IntStream.range(1, lengths.size()).filter(i -> lengths.get(i) < lengths.get(i - 1)).count();
    assertEquals(0.5, (double) turns / lengths.size(), 0.15);
    assertNotEquals(order, lines(plan, plan.stepsPerEpoch() + 1, 2 * plan.stepsPerEpoch()));
    assertEquals(lines(plan, 5, 5), lines(new BatchPlan(data, 4, 3, 5), 5, 5));
  }

  @Test
  void rowsAreComputedLittleLongerThanTheyAre() {
    Random random = new Random(3);
    for (int i = 0; i < 10_000; i++) {
      int context = 1 + random.nextInt(5000);
      int places = 1 + random.nextInt(context);
      int length = RowLengths.of(places, context);
      String what = places + " of " + context + ": " + length;
      assertTrue(places <= length && length <= context, what);
      assertTrue(length <= Math.max(96, 1.5 * places + 32), what);
      assertEquals(length, RowLengths.of(length, context), what);
    }
  }

  private static DataSet differentRows(int count, int context) {
    Random random = new Random(1);
    List<TokenizedExample> examples = new ArrayList<>();
    for (int line = 1; line <= count; line++) {
      int length = 2 + (int) (context * Math.pow(random.nextDouble(), 3));
      examples.add(new TokenizedExample(new int[length], 1, "f", line));
    }
    return DataSet.of(examples, context, DataSet.Packing.NONE);
  }

  /// The order of a seed is part of a run's results; it may not change from one Java or version to
  /// another. These are from the published algorithm in another language.
  @Test
  void theOrderOfASeedIsFixed() {
    assertArrayEquals(new int[] {2, 3, 6, 5, 0, 4, 7, 1, 8, 9}, Shuffle.order(10, 42, 0));
    assertTrue(Shuffle.order(0, 42, 0).length == 0);
  }

  @Test
  void ordersAreUniform() {
    int[] firsts = new int[5];
    for (int seed = 0; seed < 5000; seed++) {
      firsts[Shuffle.order(5, seed, 3)[0]]++;
    }
    for (int count : firsts) {
      assertEquals(1000, count, 150); // five standard deviations
    }
  }

  private static DataSet rows(int count) {
    List<TokenizedExample> examples = new ArrayList<>();
    for (int line = 1; line <= count; line++) {
      examples.add(new TokenizedExample(new int[] {1, 2, 3}, 1, "f", line));
    }
    return DataSet.of(examples, 2, DataSet.Packing.ROWS);
  }

  private static List<Integer> lines(BatchPlan plan, int from, int to) {
    List<Integer> lines = new ArrayList<>();
    for (int step = from; step <= to; step++) {
      for (MicroBatch batch : plan.step(step)) {
        batch.sources().forEach(source -> lines.add(source.line()));
      }
    }
    return lines;
  }
}
