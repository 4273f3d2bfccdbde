package io.lorikeet.train.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
import org.junit.jupiter.api.Test;

/// Against the whole singular value decomposition of the inputs without their mean.
class InputSpectrumTest {
  private static final int WIDTH = 60;
  private static final int INPUTS = 500;

  /// Inputs with a large mean, whose variance falls from direction to direction.
  private static float[] inputs(long seed, double fall) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] mean = random.doubles(WIDTH, -20, 20).toArray();
    double[][] mixed = new double[WIDTH][WIDTH];
    for (double[] row : mixed) {
      for (int j = 0; j < WIDTH; j++) {
        row[j] = random.nextGaussian() * Math.pow(fall, j);
      }
    }
    float[] inputs = new float[INPUTS * WIDTH];
    for (int n = 0; n < INPUTS; n++) {
      double[] parts = new double[WIDTH];
      for (int j = 0; j < WIDTH; j++) {
        parts[j] = random.nextGaussian();
      }
      for (int i = 0; i < WIDTH; i++) {
        double x = mean[i];
        for (int j = 0; j < WIDTH; j++) {
          x += mixed[i][j] * parts[j];
        }
        inputs[n * WIDTH + i] = (float) x;
      }
    }
    return inputs;
  }

  private static InputSpectrum.Directions found(float[] inputs, int count) {
    InputSpectrum spectrum = new InputSpectrum(WIDTH, count, 1);
    for (int pass = 1; pass <= InputSpectrum.PASSES; pass++) {
      for (int n = 0; n < INPUTS; n++) {
        spectrum.add(inputs, n * WIDTH);
      }
      if (pass < InputSpectrum.PASSES) {
        spectrum.endPass();
      }
    }
    return spectrum.finish();
  }

  private static SingularValueDecomposition_F64<DMatrixRMaj> exact(float[] inputs) {
    DMatrixRMaj centred = new DMatrixRMaj(INPUTS, WIDTH);
    for (int i = 0; i < WIDTH; i++) {
      double mean = 0;
      for (int n = 0; n < INPUTS; n++) {
        mean += (double) inputs[n * WIDTH + i] / INPUTS;
      }
      for (int n = 0; n < INPUTS; n++) {
        centred.set(n, i, inputs[n * WIDTH + i] - mean);
      }
    }
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(INPUTS, WIDTH, false, true, true);
    assertTrue(svd.decompose(centred));
    return svd;
  }

  private static void compare(float[] inputs, int count, double tolerance) {
    InputSpectrum.Directions found = found(inputs, count);
    var svd = exact(inputs);
    double[] values = svd.getSingularValues();
    DMatrixRMaj v = svd.getV(null, false);
    SingularOps_DDRM.descendingOrder(null, false, values, WIDTH, v, false);
    double variance = 0;
    for (double value : values) {
      variance += value * value;
    }
    for (int k = 0; k < count; k++) {
      double share = values[k] * values[k] / variance;
      assertEquals(share, found.shares()[k], tolerance * share, "direction " + k);
      double cosine = 0;
      double length = 0;
      for (int i = 0; i < WIDTH; i++) {
        double x = found.rows()[k * WIDTH + i];
        cosine += x * v.get(i, k);
        length += x * x;
      }
      assertEquals(1, length, 1e-5);
      assertEquals(1, Math.abs(cosine), tolerance, "direction " + k);
    }
  }

  @Test
  void leadingDirections() {
    compare(inputs(1, 0.8), 8, 1e-3);
    compare(inputs(2, 0.8), 3, 1e-3);
  }

  @Test
  void allDirectionsAreExact() {
    compare(inputs(3, 0.95), WIDTH, 1e-4);
  }

  @Test
  void inputsThatDoNotVaryHaveNoShares() {
    float[] inputs = new float[INPUTS * WIDTH];
    Arrays.fill(inputs, 0.5f);
    for (double share : found(inputs, 4).shares()) {
      assertEquals(0, share);
    }
  }
}
