package io.lorikeet.train.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.rank.RankBudget.Candidate;
import java.util.List;
import org.junit.jupiter.api.Test;

class RankBudgetTest {
  private static final List<Candidate> THREE =
      List.of(
          new Candidate("a", 10, new double[] {0.5, 0.2, 0.1, 0.05}),
          new Candidate("b", 30, new double[] {0.9, 0.4, 0.15}),
          new Candidate("c", 10, new double[] {0.3, 0.25}));

  /// By hand: after one each, 0.4 of b, 0.25 of c, 0.2 of a, 0.15 of b, 0.1 and 0.05 of a.
  @Test
  void theLargestSharesComeFirst() {
    assertArrayEquals(new int[] {1, 1, 1}, new RankBudget(50).spend(THREE));
    assertArrayEquals(new int[] {1, 2, 1}, new RankBudget(80).spend(THREE));
    assertArrayEquals(new int[] {2, 2, 2}, new RankBudget(100).spend(THREE));
    assertArrayEquals(new int[] {4, 3, 2}, new RankBudget(1_000).spend(THREE));
  }

  @Test
  void whatIsTooDearIsPassedOver() {
    assertArrayEquals(new int[] {2, 1, 2}, new RankBudget(70).spend(THREE));
    assertArrayEquals(
        new int[] {4, 1, 2},
        new RankBudget(79 + 20 - 9)
            .spend(
                List.of(THREE.get(0), new Candidate("b", 30, new double[] {0.9}), THREE.get(2))));
  }

  @Test
  void tooLittleForAllIsNamed() {
    String message =
        assertThrows(InvalidInputException.class, () -> new RankBudget(49).spend(THREE))
            .getMessage();
    assertEquals(
        "rank: 49 parameters are too few, since rank 1 of the 3 adapted matrices takes 50",
        message);
  }
}
