package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.adapter.SmallBase;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogitsDifferenceTest {
  private static final int VOCABULARY = 50;

  @Test
  void equalLogitsDifferInNothing() {
    float[] logits = SmallBase.values(new Random(1), VOCABULARY);
    LogitsDifference difference = difference(logits, logits.clone());
    assertTrue(difference.isNone());
    assertEquals(new LogitsDifference(1, 0, 0, 0, 1), difference);
  }

  @Test
  void aConstantChangesNothing() {
    float[] logits = SmallBase.values(new Random(1), VOCABULARY);
    float[] shifted = logits.clone();
    for (int i = 0; i < shifted.length; i++) {
      shifted[i] += 8;
    }
    LogitsDifference difference = difference(logits, shifted);
    assertEquals(0, difference.maximum(), 1e-5);
    assertEquals(0, difference.divergence(), 1e-10);
  }

  @Test
  void divergenceIsThatOfTheDefinition() {
    Random random = new Random(3);
    for (double scale : new double[] {1e-4, 0.1, 3, 300, 1e5}) {
      float[] reference = SmallBase.values(random, VOCABULARY);
      float[] logits = reference.clone();
      for (int i = 0; i < logits.length; i++) {
        logits[i] += (float) (scale * random.nextGaussian());
      }
      double expected = byDefinition(reference, logits);
      assertEquals(expected, difference(reference, logits).divergence(), 1e-6 * expected + 1e-15);
    }
  }

  private static double byDefinition(float[] reference, float[] logits) {
    double[] p = logSoftmax(reference);
    double[] q = logSoftmax(logits);
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      sum += Math.exp(p[i]) * (p[i] - q[i]);
    }
    return sum;
  }

  private static double[] logSoftmax(float[] logits) {
    double largest = Float.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double total = 0;
    for (float logit : logits) {
      total += Math.exp(logit - largest);
    }
    double[] result = new double[logits.length];
    for (int i = 0; i < logits.length; i++) {
      result[i] = logits[i] - largest - Math.log(total);
    }
    return result;
  }

  @Test
  void maximumMeanAndAgreement() {
    LogitsDifference difference = difference(new float[] {1, 0, 0, 0}, new float[] {1, 4, 0, 0});
    assertEquals(3, difference.maximum(), 1e-6); // 4, less the mean of 1
    assertEquals((1 + 3 + 1 + 1) / 4.0, difference.mean(), 1e-6);
    assertEquals(0, difference.agreement());
  }

  @Test
  void whatIsNoNumberIsNeverSmall() {
    LogitsDifference broken = difference(new float[] {1, 0}, new float[] {Float.NaN, 0});
    LogitsDifference whole = difference(new float[] {1, 0}, new float[] {0, 1});
    assertFalse(broken.isNone());
    assertFalse(broken.shareOf(whole) < 1);
  }

  @Test
  void sharesAreLinearInTheDifference() {
    float[] reference = SmallBase.values(new Random(4), VOCABULARY);
    float[] change = SmallBase.values(new Random(5), VOCABULARY);
    LogitsDifference whole = difference(reference, plus(reference, change, 0.01f));
    LogitsDifference tenth = difference(reference, plus(reference, change, 0.001f));
    assertEquals(0.1, tenth.shareOf(whole), 0.002);
  }

  private static float[] plus(float[] values, float[] change, float scale) {
    float[] sum = values.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += scale * change[i];
    }
    return sum;
  }

  private static LogitsDifference difference(float[] reference, float[] logits) {
    PositionDifferences sum = new PositionDifferences();
    sum.add(reference, logits);
    return sum.overall();
  }
}
