package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
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
