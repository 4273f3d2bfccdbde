package io.lorikeet.train.rank;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.ejml.interfaces.decomposition.QRDecomposition;

/// The leading directions of a weight's inputs x, and the shares of their variance that these hold.
///
/// With the covariance C = Σ (x - mean)(x - mean)ᵀ these are C's eigenvectors. They are found by
/// subspace iteration (Halko, Martinsson and Tropp, arXiv 0909.4061): a basis Q of a few directions
/// becomes an orthonormal one of C Q in each pass over the inputs. The eigenvectors of Qᵀ C Q,
/// which is small, then turn Q. C itself is never formed.
final class InputSpectrum {
  /// Passes over the inputs.
  static final int PASSES = 3;

  /// Directions more than are asked for, which make those more exact.
  private static final int SPARE = 8;

  private final int width;
  private final int count;
  private final int columns;
  private DMatrixRMaj basis; // [width, columns]
  private final double[] products; // the sum of x xᵀ Q, as the basis is
  private final double[] sums; // of x
  private final double[] projected;
  private double squares;
  private long inputs;

  /// @param width numbers of an input
  /// @param count directions to find, at most the width
  InputSpectrum(int width, int count, long seed) {
    this.width = width;
    this.count = count;
    columns = Math.min(width, count + SPARE);
    basis = new DMatrixRMaj(width, columns);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < basis.data.length; i++) {
      basis.data[i] = random.nextGaussian();
    }
    basis = orthonormal(basis);
    products = new double[width * columns];
    sums = new double[width];
    projected = new double[columns];
  }

  /// Takes an input.
  ///
  /// @param rows holds it
  /// @param from index of its first number
  void add(float[] rows, int from) {
    Arrays.fill(projected, 0);
    for (int i = 0; i < width; i++) {
      double x = rows[from + i];
      squares += x * x;
      sums[i] += x;
      for (int j = 0; j < columns; j++) {
        projected[j] += x * basis.data[i * columns + j];
      }
    }
    for (int i = 0; i < width; i++) {
      double x = rows[from + i];
      for (int j = 0; j < columns; j++) {
        products[i * columns + j] += x * projected[j];
      }
    }
    inputs++;
  }

  /// Ends a pass that isn't the last.
  void endPass() {
    basis = orthonormal(covered());
    Arrays.fill(products, 0);
    Arrays.fill(sums, 0);
    squares = 0;
    inputs = 0;
  }

  /// C Q.
  private DMatrixRMaj covered() {
    DMatrixRMaj result = new DMatrixRMaj(width, columns);
    double[] mean = new double[columns]; // of xᵀ Q, summed up
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < columns; j++) {
        mean[j] += sums[i] * basis.data[i * columns + j];
      }
    }
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < columns; j++) {
        int at = i * columns + j;
        result.data[at] = products[at] - sums[i] / inputs * mean[j];
      }
    }
    return result;
  }

  private static DMatrixRMaj orthonormal(DMatrixRMaj matrix) {
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
    qr.decompose(matrix);
    return qr.getQ(null, true);
  }

  /// The directions found.
  ///
  /// @param rows one after the other, of length 1 each, the leading one first
  /// @param shares of the variance, in the same order; 0 all where nothing varies
  record Directions(float[] rows, double[] shares) {}

  /// Ends the last pass.
  Directions finish() {
    DMatrixRMaj small = CommonOps_DDRM.multTransA(basis, covered(), null);
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(columns, true, true);
    if (!eigen.decompose(symmetric(small))) {
      throw new ArithmeticException("the variances of a weight's inputs don't converge");
    }
    double variance = squares;
    for (double sum : sums) {
      variance -= sum * sum / inputs;
    }
    Integer[] order = new Integer[columns];
    Arrays.setAll(order, i -> i);
    Arrays.sort(
        order, (a, b) -> Double.compare(eigen.getEigenvalue(b).real, eigen.getEigenvalue(a).real));
    float[] rows = new float[count * width];
    double[] shares = new double[count];
    for (int k = 0; k < count; k++) {
      double value = Math.max(0, eigen.getEigenvalue(order[k]).real);
      shares[k] = variance > 0 ? value / variance : 0;
      DMatrixRMaj direction = CommonOps_DDRM.mult(basis, eigen.getEigenVector(order[k]), null);
      for (int i = 0; i < width; i++) {
        rows[k * width + i] = (float) direction.data[i];
      }
    }
    return new Directions(rows, shares);
  }

  private static DMatrixRMaj symmetric(DMatrixRMaj matrix) {
    DMatrixRMaj sum = new DMatrixRMaj(matrix.numRows, matrix.numCols);
    CommonOps_DDRM.add(0.5, matrix, 0.5, CommonOps_DDRM.transpose(matrix, null), sum);
    return sum;
  }
}
