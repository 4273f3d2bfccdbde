package io.lorikeet.export.analysis;

import io.lorikeet.models.lora.LoraPair;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/// The singular value decomposition ΔW = U diag(s) Vᵀ of a pair's change ΔW = scaling · B A, found
/// without ever forming ΔW. With the thin QR decompositions B = Q₁R₁ and Aᵀ = Q₂R₂ it is that of
/// the rank × rank matrix R₁R₂ᵀ, turned by Q₁ and Q₂.
///
/// Rows and columns are named as in ΔW `[outputs, inputs]`; for the token embedding that is
/// `[embedding, vocabulary]`.
public final class PairSvd {
  private final LoraPair pair;
  private final double[] values;
  private final DMatrixRMaj left;
  private final DMatrixRMaj right;

  private PairSvd(LoraPair pair, double[] values, DMatrixRMaj left, DMatrixRMaj right) {
    this.pair = pair;
    this.values = values;
    this.left = left;
    this.right = right;
  }

  /// Decomposes a pair of a single matrix, see [ExpertPairs].
  ///
  /// @param scaling factor of B A: the adapter's alpha / rank, times what a user multiplies it by
  public static PairSvd of(LoraPair pair, double scaling) {
    QRDecomposition<DMatrixRMaj> ofB = qr(matrix(pair.outputs(), pair.rank(), pair.b()));
    QRDecomposition<DMatrixRMaj> ofA = qr(transposedA(pair));
    DMatrixRMaj core = new DMatrixRMaj(1, 1);
    CommonOps_DDRM.multTransB(scaling, ofB.getR(null, true), ofA.getR(null, true), core);
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(core.numRows, core.numCols, true, true, true);
    if (!svd.decompose(core)) {
      throw new ArithmeticException(
          "the singular values of " + pair.baseTensor() + "'s pair don't converge");
    }
    DMatrixRMaj u = svd.getU(null, false);
    DMatrixRMaj v = svd.getV(null, false);
    int count = svd.numberOfSingularValues();
    double[] values = Arrays.copyOf(svd.getSingularValues(), count);
    SingularOps_DDRM.descendingOrder(u, false, values, count, v, false);
    return new PairSvd(
        pair, values, product(ofB.getQ(null, true), u), product(ofA.getQ(null, true), v));
  }

  private static QRDecomposition<DMatrixRMaj> qr(DMatrixRMaj matrix) {
    QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
    qr.decompose(matrix);
    return qr;
  }

  private static DMatrixRMaj product(DMatrixRMaj a, DMatrixRMaj b) {
    return CommonOps_DDRM.mult(a, b, new DMatrixRMaj(a.numRows, b.numCols));
  }

  private static DMatrixRMaj matrix(int rows, int columns, float[] values) {
    DMatrixRMaj matrix = new DMatrixRMaj(rows, columns);
    for (int i = 0; i < values.length; i++) {
      matrix.data[i] = values[i];
    }
    return matrix;
  }

  /// Aᵀ, `[inputs, rank]`.
  private static DMatrixRMaj transposedA(LoraPair pair) {
    if (LoraPair.isFlipped(pair.baseTensor())) {
      return matrix(pair.inputs(), pair.rank(), pair.a());
    }
    return CommonOps_DDRM.transpose(matrix(pair.rank(), pair.inputs(), pair.a()), null);
  }

  /// The pair that was decomposed.
  public LoraPair pair() {
    return pair;
  }

  /// The singular values of ΔW that can be other than 0, largest first: as many as the rank, or as
  /// the smaller side of ΔW where that is less.
  public double[] values() {
    return values.clone();
  }

  /// ‖ΔW‖, the Frobenius norm.
  public double norm() {
    return Math.sqrt(squares(values.length));
  }

  /// The share of ‖ΔW‖² in the largest `count` singular values; 1 where ΔW is 0.
  public double energy(int count) {
    double all = squares(values.length);
    return all == 0 ? 1 : squares(Math.min(count, values.length)) / all;
  }

  private double squares(int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[i] * values[i];
    }
    return sum;
  }

  /// The smallest rank that keeps this share of ‖ΔW‖²; 0 where ΔW is 0.
  public int rankFor(double share) {
    int rank = 0;
    while (rank < values.length && norm() > 0 && energy(rank) < share) {
      rank++;
    }
    return rank;
  }

  /// How many directions ΔW has in effect: exp of the entropy of its singular values as shares of
  /// their sum (Roy and Vetterli, 2007). It lies between 1, all in one direction, and the rank, all
  /// alike; 0 where ΔW is 0.
  public double effectiveRank() {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    if (sum == 0) {
      return 0;
    }
    double entropy = 0;
    for (double value : values) {
      double share = value / sum;
      entropy -= share == 0 ? 0 : share * Math.log(share);
    }
    return Math.exp(entropy);
  }

  /// Directions of ΔW's outputs: its left singular vectors as columns, `[outputs, values]`.
  DMatrixRMaj left() {
    return left;
  }

  /// Directions of ΔW's inputs: its right singular vectors as columns, `[inputs, values]`.
  DMatrixRMaj right() {
    return right;
  }

  /// The pair of at most this rank that comes closest to ΔW (Eckart and Young, 1936). Its two
  /// matrices are equally large.
  ///
  /// @param scaling the factor of B A
  public LoraPair truncated(int rank, double scaling) {
    int kept = Math.min(rank, values.length);
    float[] a = new float[kept * pair.inputs()];
    float[] b = new float[kept * pair.outputs()];
    for (int k = 0; k < kept; k++) {
      double half = Math.sqrt(values[k] / scaling);
      for (int i = 0; i < pair.inputs(); i++) {
        a[LoraPair.isFlipped(pair.baseTensor()) ? i * kept + k : k * pair.inputs() + i] =
            (float) (half * right.get(i, k));
      }
      for (int o = 0; o < pair.outputs(); o++) {
        b[o * kept + k] = (float) (half * left.get(o, k));
      }
    }
    return new LoraPair(pair.baseTensor(), pair.inputs(), pair.outputs(), kept, a, b);
  }
}
