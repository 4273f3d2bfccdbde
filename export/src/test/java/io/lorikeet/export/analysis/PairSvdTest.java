package io.lorikeet.export.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.lora.LoraPair;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PairSvdTest {
  private static final long SEED = 20261122;

  @Test
  void givesBackTheProduct() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 40; round++) {
      LoraPair pair = randomPair(random, round % 4 == 0 ? "token_embd.weight" : "w");
      double scaling = random.nextDouble(0.1, 4) * (random.nextBoolean() ? 1 : -1);
      double[][] expected = product(pair, scaling);
      PairSvd svd = PairSvd.of(pair, scaling);
      double[] values = svd.values();
      for (int o = 0; o < pair.outputs(); o++) {
        for (int i = 0; i < pair.inputs(); i++) {
          double sum = 0;
          for (int k = 0; k < values.length; k++) {
            sum += svd.left().get(o, k) * values[k] * svd.right().get(i, k);
          }
          assertEquals(expected[o][i], sum, 1e-9, "seed " + SEED + ", round " + round);
        }
      }
      for (int k = 1; k < values.length; k++) {
        assertTrue(values[k - 1] >= values[k]);
      }
      assertEquals(norm(expected), svd.norm(), 1e-9);
    }
  }

  @Test
  void truncatedPairsLoseJustTheSmallestValues() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 20; round++) {
      LoraPair pair = randomPair(random, round % 4 == 0 ? "token_embd.weight" : "w");
      PairSvd svd = PairSvd.of(pair, 0.7);
      int rank = random.nextInt(1, svd.values().length + 1);
      double[][] whole = product(pair, 0.7);
      double[][] kept = product(svd.truncated(rank, 3), 3);
      double lost = 0;
      for (int o = 0; o < pair.outputs(); o++) {
        for (int i = 0; i < pair.inputs(); i++) {
          lost += Math.pow(whole[o][i] - kept[o][i], 2);
        }
      }
      double expected = (1 - svd.energy(rank)) * svd.norm() * svd.norm();
      assertEquals(expected, lost, 1e-5 * svd.norm() * svd.norm(), "round " + round);
    }
  }

  @Test
  void countsDirections() {
    // ΔW = diag(3, 3, 3, 0): three directions alike.
    float[] a = {3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0};
    float[] b = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    PairSvd svd = PairSvd.of(new LoraPair("w", 4, 4, 3, a, b), 1);
    assertEquals(3, svd.effectiveRank(), 1e-9);
    assertEquals(3, svd.rankFor(0.99));
    assertEquals(2, svd.rankFor(0.6));
    assertEquals(2.0 / 3, svd.energy(2), 1e-12);
  }

  @Test
  void nothingHasNoDirections() {
    PairSvd svd =
        PairSvd.of(
            new LoraPair("w", 4, 5, 2, new float[] {1, 2, 3, 4, 5, 6, 7, 8}, new float[10]), 1);
    assertEquals(0, svd.norm());
    assertEquals(0, svd.effectiveRank());
    assertEquals(0, svd.rankFor(0.99));
    assertEquals(1, svd.energy(1));
    assertEquals(1, svd.truncated(1, 1).rank());
  }

  private static LoraPair randomPair(SplittableRandom random, String name) {
    int inputs = random.nextInt(1, 20);
    int outputs = random.nextInt(1, 20);
    int rank = random.nextInt(1, 8); // above a side's length too
    return new LoraPair(
        name, inputs, outputs, rank, values(random, inputs * rank), values(random, rank * outputs));
  }

  private static float[] values(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /// ΔW, `[outputs][inputs]`.
  static double[][] product(LoraPair pair, double scaling) {
    boolean flipped = pair.baseTensor().equals("token_embd.weight");
    double[][] product = new double[pair.outputs()][pair.inputs()];
    for (int o = 0; o < pair.outputs(); o++) {
      for (int i = 0; i < pair.inputs(); i++) {
        for (int k = 0; k < pair.rank(); k++) {
          int ofA = flipped ? i * pair.rank() + k : k * pair.inputs() + i;
          product[o][i] += scaling * pair.b()[o * pair.rank() + k] * pair.a()[ofA];
        }
      }
    }
    return product;
  }

  private static double norm(double[][] matrix) {
    double sum = 0;
    for (double[] row : matrix) {
      for (double value : row) {
        sum += value * value;
      }
    }
    return Math.sqrt(sum);
  }
}
