package io.lorikeet.finetune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.finetune.report.RunningLoss.Trend;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RunningLossTest {

  /// By hand: with 100 steps the decay is 2/3.
  @Test
  void isAnAverageThatForgets() {
    RunningLoss loss = new RunningLoss(100);
    assertTrue(Double.isNaN(loss.smoothed()));
    loss.add(6);
    assertEquals(6, loss.smoothed(), 1e-12);
    loss.add(1);
    assertEquals((6 * 2 / 9.0 + 1 / 3.0) / (5 / 9.0), loss.smoothed(), 1e-12);
    loss.add(Double.NaN);
    loss.add(Double.POSITIVE_INFINITY);
    assertEquals((6 * 2 / 9.0 + 1 / 3.0) / (5 / 9.0), loss.smoothed(), 1e-12);
  }

  @Test
  void seesAnEvenSlope() {
    assertEquals(Trend.FALLING, trend(60, 0, -0.01, 1));
    assertEquals(Trend.RISING, trend(60, 0, 0.01, 1));
    assertEquals(Trend.LEVEL, trend(60, 0, 0, 1));
    assertEquals(Trend.UNKNOWN, trend(7, 0, -1, 1));
    assertEquals(Trend.FALLING, trend(8, 0, -1, 1));
  }

  @Test
  void looksAtTheNewestLossesAlone() {
    RunningLoss loss = new RunningLoss(1000);
    for (int i = 0; i < 500; i++) {
      loss.add(10 - i * 0.01);
    }
    for (int i = 0; i < 60; i++) {
      loss.add(5 + i * 0.01);
    }
    assertEquals(Trend.RISING, loss.trend());
  }

  /// Noise alone is taken for a direction about once in twenty times.
  @Test
  void noiseIsLevelMostly() {
    int wrong = 0;
    for (int seed = 0; seed < 1000; seed++) {
      wrong += trend(60, 1, 0, seed) == Trend.LEVEL ? 0 : 1;
    }
    assertTrue(wrong > 20 && wrong < 80, wrong + " of 1000");
    for (int seed = 0; seed < 100; seed++) {
      assertEquals(Trend.FALLING, trend(60, 1, -0.1, seed));
    }
  }

  private static Trend trend(int steps, double noise, double slope, int seed) {
    Random random = new Random(seed);
    RunningLoss loss = new RunningLoss(steps);
    for (int i = 0; i < steps; i++) {
      loss.add(5 + i * slope + noise * random.nextGaussian());
    }
    return loss.trend();
  }
}
