package io.lorikeet.finetune.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PairedDifferenceTest {
  @Test
  void equalFiguresDifferByExactlyNothing() {
    double[] figures = {0, 1, 0.3, 1};
    assertEquals(new PairedDifference(0, 0, 0), PairedDifference.of(figures, figures, 1));
  }

  @Test
  void theSeedDecides() {
    double[] before = {0, 0.17, 0.3, 0.71, 0.39, 0, 0.93};
    double[] after = {0.61, 0.47, 0.2, 0.1, 0.83, 0.05, 0.77};
    PairedDifference first = PairedDifference.of(before, after, 1);
    assertEquals(first, PairedDifference.of(before, after, 1));
    assertEquals(0.53 / 7, first.mean(), 1e-15);
    assertTrue(first.lower() < first.mean() && first.mean() < first.upper(), first.toString());
    boolean differs = false;
    for (int seed = 2; seed < 20; seed++) {
      differs |= !first.equals(PairedDifference.of(before, after, seed));
    }
    assertTrue(differs);
    assertNotEquals(0, first.upper());
  }

  /// Of 400 right-or-wrong pairs, the mean's standard error is known, and so are the ends of the
  /// normal interval, which the bootstrap's come near.
  @Test
  void theIntervalIsTheNormalOneWhereThereAreMany() {
    long seed = 5;
    SplittableRandom random = new SplittableRandom(seed);
    int count = 400;
    double[] before = new double[count];
    double[] after = new double[count];
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < count; i++) {
      before[i] = random.nextInt(2);
      after[i] = random.nextInt(10) < 7 ? 1 : 0;
      double difference = after[i] - before[i];
      sum += difference;
      squares += difference * difference;
    }
    double mean = sum / count;
    double error = Math.sqrt((squares / count - mean * mean) / count);
    PairedDifference found = PairedDifference.of(before, after, seed);
    assertEquals(mean, found.mean(), 1e-12);
    assertEquals(mean - 1.96 * error, found.lower(), 0.15 * error, "seed " + seed);
    assertEquals(mean + 1.96 * error, found.upper(), 0.15 * error, "seed " + seed);
  }
}
