package io.lorikeet.train.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {

  @Test
  void linearFallsToZeroAfterTheLastStep() {
    LearningRateSchedule schedule = new LearningRateSchedule.Linear(1, 0);
    assertEquals(1, schedule.rate(1, 4));
    assertEquals(0.75, schedule.rate(2, 4));
    assertEquals(0.25, schedule.rate(4, 4));
  }

  @Test
  void cosineIsHalfWayInTheMiddle() {
    LearningRateSchedule schedule = new LearningRateSchedule.Cosine(2, 0);
    assertEquals(2, schedule.rate(1, 10));
    assertEquals(1, schedule.rate(6, 10), 1e-12);
    assertEquals(1 + Math.cos(Math.PI * 0.9), schedule.rate(10, 10), 1e-12);
  }

  @Test
  void warmUpRisesToThePeak() {
    for (double warmup : new double[] {0.2, 4}) {
      LearningRateSchedule schedule = new LearningRateSchedule.Linear(1, warmup);
      assertEquals(0.2, schedule.rate(1, 20), 1e-12);
      assertEquals(0.8, schedule.rate(4, 20), 1e-12);
      assertEquals(1, schedule.rate(5, 20));
      assertEquals(15.0 / 16, schedule.rate(6, 20), 1e-12);
    }
  }

  @Test
  void everyStepOfEveryRunHasAPositiveRateUpToThePeak() {
    for (double warmup : new double[] {0, 0.1, 0.5, 0.99, 1, 3, 1000}) {
      for (LearningRateSchedule schedule :
          List.of(
              new LearningRateSchedule.Constant(2e-4, warmup),
              new LearningRateSchedule.Linear(2e-4, warmup),
              new LearningRateSchedule.Cosine(2e-4, warmup))) {
        for (int steps = 1; steps < 40; steps++) {
          for (int step = 1; step <= steps; step++) {
            double rate = schedule.rate(step, steps);
            assertTrue(
                rate > 0 && rate <= 2e-4, schedule + " at " + step + " of " + steps + ": " + rate);
          }
        }
      }
    }
    LearningRateSchedule constant = new LearningRateSchedule.Constant(1, 0);
    assertThrows(IllegalArgumentException.class, () -> constant.rate(0, 3));
    assertThrows(IllegalArgumentException.class, () -> constant.rate(4, 3));
  }
}
