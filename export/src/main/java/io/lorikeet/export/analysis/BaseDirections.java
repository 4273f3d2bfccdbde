package io.lorikeet.export.analysis;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/// The directions that a frozen weight W, a matrix `[rows, columns]` of a base's file, stretches
/// most, by a randomized singular value decomposition (Halko, Martinsson and Tropp,
/// arXiv 0909.4061). W is dequantized some rows at a time and never held as a whole.
final class BaseDirections {
  private static final int TILE = 64; // rows
  private static final int OVERSAMPLING = 8;
  private static final int POWER_ITERATIONS = 2;
  private static final long SEED = 42;

  private final GgufFile base;
  private final GgufTensor weight;
  private final int expert;
  private final int rows;
  private final int columns;

  /// @param left the most stretched directions of W's rows, as columns `[rows, count]`
  /// @param right those of W's columns, `[columns, count]`
  /// @param image W V for the directions V that were asked about, `[rows, …]`
  /// @param norm ‖W‖, the Frobenius norm
  record Directions(DMatrixRMaj left, DMatrixRMaj right, DMatrixRMaj image, double norm) {}

  /// @param expert which of the tensor's matrices, 0 where it holds one
  BaseDirections(GgufFile base, GgufTensor weight, int expert) {
    this.base = base;
    this.weight = weight;
    this.expert = expert;
    columns = Math.toIntExact(weight.shape().getFirst());
    rows = Math.toIntExact(weight.shape().get(1));
  }

  /// Finds the directions, in three passes over W.
  ///
  /// @param wanted how many
  /// @param asked directions V of W's columns, `[columns, …]`, whose image W V is wanted too
  Directions find(int wanted, DMatrixRMaj asked) {
    int count = Math.min(wanted, Math.min(rows, columns));
    int sampled = Math.min(count + OVERSAMPLING, Math.min(rows, columns));
    DMatrixRMaj sample = gaussian(columns, sampled);
    for (int i = 0; i < POWER_ITERATIONS; i++) {
      sample = orthonormal(timesGram(sample));
    }
    Image image = times(CommonOps_DDRM.concatColumns(sample, asked, null));
    DMatrixRMaj ofSample = CommonOps_DDRM.extract(image.matrix(), 0, rows, 0, sampled);
    DMatrixRMaj ofAsked =
        CommonOps_DDRM.extract(image.matrix(), 0, rows, sampled, sampled + asked.numCols);

    // W Q = Q₁ R, so the decomposition of the small R, turned, is that of W within Q.
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(rows, sampled);
    qr.decompose(ofSample);
    DMatrixRMaj small = qr.getR(null, true);
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(small.numRows, small.numCols, true, true, true);
    if (!svd.decompose(small)) {
      throw new ArithmeticException("the singular values of " + weight.name() + " don't converge");
    }
    DMatrixRMaj u = svd.getU(null, false);
    DMatrixRMaj v = svd.getV(null, false);
    double[] values = svd.getSingularValues();
    SingularOps_DDRM.descendingOrder(u, false, values, svd.numberOfSingularValues(), v, false);
    return new Directions(
        firstColumns(CommonOps_DDRM.mult(qr.getQ(null, true), u, null), count),
        firstColumns(CommonOps_DDRM.mult(sample, v, null), count),
        ofAsked,
        Math.sqrt(image.squares()));
  }

  private static DMatrixRMaj firstColumns(DMatrixRMaj matrix, int count) {
    return CommonOps_DDRM.extract(matrix, 0, matrix.numRows, 0, count);
  }

  private static DMatrixRMaj gaussian(int rows, int columns) {
    SplittableRandom random = new SplittableRandom(SEED);
    DMatrixRMaj matrix = new DMatrixRMaj(rows, columns);
    Arrays.setAll(matrix.data, _ -> random.nextGaussian());
    return matrix;
  }

  private static DMatrixRMaj orthonormal(DMatrixRMaj matrix) {
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
    qr.decompose(matrix);
    return qr.getQ(null, true);
  }

  /// Receives some rows of W.
  private interface TileConsumer {
    /// @param first index of the first row
    /// @param tile the rows, at most [#TILE]; valid during this call only
    void accept(int first, DMatrixRMaj tile);
  }

  /// WᵀW X, `[columns, …]`, in one pass.
  private DMatrixRMaj timesGram(DMatrixRMaj x) {
    DMatrixRMaj sum = new DMatrixRMaj(columns, x.numCols);
    forEachTile(
        (_, tile) -> {
          DMatrixRMaj product = CommonOps_DDRM.mult(tile, x, null);
          CommonOps_DDRM.multAddTransA(tile, product, sum);
        });
    return sum;
  }

  private record Image(DMatrixRMaj matrix, double squares) {}

  /// W X, `[rows, …]`, and the sum of W's squared elements.
  private Image times(DMatrixRMaj x) {
    DMatrixRMaj image = new DMatrixRMaj(rows, x.numCols);
    double[] squares = new double[1];
    forEachTile(
        (first, tile) -> {
          CommonOps_DDRM.insert(CommonOps_DDRM.mult(tile, x, null), image, first, 0);
          squares[0] += square(tile);
        });
    return new Image(image, squares[0]);
  }

  /// The sum of a matrix's squared elements.
  static double square(DMatrixRMaj matrix) {
    double norm = NormOps_DDRM.fastNormF(matrix);
    return norm * norm;
  }

  private void forEachTile(TileConsumer consumer) {
    long rowBytes = weight.type().rowBytes(columns);
    MemorySegment data = base.data(weight).asSlice(expert * rows * rowBytes, rows * rowBytes);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) TILE * columns * Float.BYTES, 64);
      for (int first = 0; first < rows; first += TILE) {
        int count = Math.min(TILE, rows - first);
        MemorySegment some = floats.asSlice(0, (long) count * columns * Float.BYTES);
        RowDequantizer.dequantize(
            weight.type(), data.asSlice(first * rowBytes, count * rowBytes), some);
        DMatrixRMaj tile = new DMatrixRMaj(count, columns);
        for (int i = 0; i < tile.data.length; i++) {
          tile.data[i] = some.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
        consumer.accept(first, tile);
      }
    }
  }
}
