package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

class ContextSearchTest {
  private final List<Integer> planned = new ArrayList<>();

  private int longest(int most, long limit, IntToLongFunction bytes, int computable) {
    planned.clear();
    return new ContextSearch(
            most,
            limit,
            row -> {
              assertTrue(row >= 1 && row <= most, "row " + row);
              planned.add(row);
              return row > computable
                  ? OptionalLong.empty()
                  : OptionalLong.of(bytes.applyAsLong(row));
            })
        .longest();
  }

  @Test
  void aLineTakesFewPlans() {
    int row = longest(512, 24_000, n -> 6_000 + 40L * n, 512);
    assertTrue(row <= 450 && row >= 424, "row " + row);
    assertTrue(planned.size() <= 4, planned.toString());
  }

  @Test
  void allOfAModelsContextIsFound() {
    assertEquals(2, longest(2, 1_000, n -> n, 2));
    assertEquals(512, longest(512, 1_000, n -> n, 512));
    assertTrue(planned.size() <= 3, planned.toString());
  }

  @Test
  void noneFits() {
    assertEquals(0, longest(512, 1_000, n -> 1_001, 512));
    assertEquals(0, longest(512, 1_000, n -> 2_000L * n, 512));
    assertEquals(0, longest(512, 1_000, n -> 1, 0));
  }

  /// Rows that can't be computed bound the search like those that don't fit.
  @Test
  void theLongestThatCanBeComputedIsFound() {
    int row = longest(65_536, Long.MAX_VALUE / 2, n -> 1_000 + n, 5_000);
    assertTrue(row <= 5_000 && row >= 5_000 * 16 / 17 - 1, "row " + row);
    assertTrue(planned.size() <= 12, planned.toString());
  }

  @Test
  void anyGrowthIsFollowedToWithinASixteenth() {
    for (int seed = 0; seed < 500; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      int most = random.nextInt(1, 65_536);
      double power = random.nextDouble(0.5, 2);
      long step = random.nextLong(1, 5_000);
      long fixed = random.nextLong(0, 1_000_000);
      long limit = random.nextLong(1_000_000, 1L << 40);
      IntToLongFunction bytes = n -> fixed + (long) (1_000 * Math.pow(n, power)) / step * step;
      int row = longest(most, limit, bytes, most);
      assertTrue(row == 0 || bytes.applyAsLong(row) <= limit, "seed " + seed);
      int longer = row + Math.max(1, row / 8);
      assertTrue(
          longer > most || bytes.applyAsLong(longer) > limit, "seed " + seed + " " + planned);
      assertTrue(planned.size() <= 30, "seed " + seed + " " + planned);
    }
  }
}
