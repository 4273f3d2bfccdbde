package io.lorikeet.models.merge;

/// How the error of a rounded element is passed on to the elements after it in its row.
///
/// A row's errors e are to be small and to leave alone what the adapter works on: they minimize
/// |e|² + |Uᵀe|², where U Uᵀ is `STRENGTH` · rank · ΔWᵀΔW / |ΔW|², taking one element after the
/// other as GPTQ does (arXiv 2210.17323) with I + U Uᵀ in the place of its Hessian. The inputs that
/// an adapter has learned to read are those that vary and matter most, so the guess is a fair one
/// where no activations were measured. Given s = Uᵀe of the elements before, the best that the
/// elements from c on can do, were they not rounded, is e = -U (I + UᵀU)⁻¹ s, U restricted to them:
/// that is by how much element c is shifted before it is rounded. With importances d, all of this
/// holds for √d · e and √d times U.
///
/// @param gain the shift of element c is the product of row c with s, [directions, columns]
/// @param carry what the error of element c adds to s is row c times the error, [directions,
///     columns]
record Feedback(int columns, int directions, float[] gain, float[] carry) {
  /// Found by trial: of 10 to 3,000, those from 30 to 300 gave the merged files nearest to base and
  /// adapter, for updates from a hundredth of a quantization step to a whole one.
  private static final double STRENGTH = 50;

  private static final double SMALLEST_IMPORTANCE = 1e-4;
  private static final double NEGLIGIBLE = 1e-9;

  /// @param importance of each column, or null where all count alike
  static Feedback of(LowRank update, float[] importance) {
    int columns = update.columns();
    double[] root = roots(columns, importance);
    double[][] directions = directions(update, root);
    int count = directions.length;
    float[] gain = new float[columns * count];
    float[] carry = new float[columns * count];
    double[][] inverse = identity(count);
    double[] u = new double[count];
    double[] product = new double[count];
    for (int c = columns - 1; c >= 0; c--) {
      for (int j = 0; j < count; j++) {
        u[j] = directions[j][c];
      }
      include(inverse, u, product);
      multiply(inverse, u, product);
      for (int j = 0; j < count; j++) {
        gain[c * count + j] = (float) (product[j] / root[c]);
        carry[c * count + j] = (float) (u[j] * root[c]);
      }
    }
    return new Feedback(columns, count, gain, carry);
  }

  /// Roots of the importances, relative to their mean.
  private static double[] roots(int columns, float[] importance) {
    double[] roots = new double[columns];
    double mean = 0;
    for (int c = 0; c < columns && importance != null; c++) {
      mean += importance[c] / (double) columns;
    }
    for (int c = 0; c < columns; c++) {
      double relative = mean > 0 ? importance[c] / mean : 1;
      roots[c] = Math.sqrt(Math.max(relative, SMALLEST_IMPORTANCE));
    }
    return roots;
  }

  /// The columns of U. With ΔW = left right and leftᵀ left = L Lᵀ, ΔWᵀΔW is the square of rightᵀ L,
  /// so that ΔW itself need never be formed.
  private static double[][] directions(LowRank update, double[] root) {
    int rank = update.rank();
    double[][] gram = gram(update);
    double trace = 0;
    for (int i = 0; i < rank; i++) {
      trace += gram[i][i];
    }
    if (trace == 0) {
      return new double[0][]; // no update: nothing to be left alone
    }
    double[][] lower = cholesky(gram, trace);
    double[][] directions = new double[rank][update.columns()];
    double total = 0;
    for (int j = 0; j < rank; j++) {
      double[] direction = directions[j];
      for (int i = j; i < rank; i++) {
        for (int c = 0; c < direction.length; c++) {
          direction[c] += lower[i][j] * update.right()[i * direction.length + c] * root[c];
        }
      }
      total += dot(direction, direction);
    }
    double factor = total > 0 ? Math.sqrt(STRENGTH * rank / total) : 0;
    for (double[] direction : directions) {
      for (int c = 0; c < direction.length; c++) {
        direction[c] *= factor;
      }
    }
    return directions;
  }

  /// leftᵀ left, [rank, rank].
  private static double[][] gram(LowRank update) {
    int rank = update.rank();
    float[] left = update.left();
    double[][] gram = new double[rank][rank];
    for (int row = 0; row < update.rows(); row++) {
      for (int i = 0; i < rank; i++) {
        double value = left[row * rank + i];
        for (int j = 0; j <= i; j++) {
          gram[i][j] += value * left[row * rank + j];
        }
      }
    }
    return gram;
  }

  /// The lower triangle L with L Lᵀ = matrix, of which only the lower triangle is read; a little is
  /// added to the diagonal, for columns of `left` that depend on each other.
  private static double[][] cholesky(double[][] matrix, double trace) {
    int size = matrix.length;
    double[][] lower = new double[size][size];
    for (int i = 0; i < size; i++) {
      for (int j = 0; j <= i; j++) {
        double rest = matrix[i][j];
        for (int k = 0; k < j; k++) {
          rest -= lower[i][k] * lower[j][k];
        }
        lower[i][j] = i == j ? Math.sqrt(Math.max(rest, NEGLIGIBLE * trace)) : rest / lower[j][j];
      }
    }
    return lower;
  }

  private static double[][] identity(int size) {
    double[][] matrix = new double[size][size];
    for (int i = 0; i < size; i++) {
      matrix[i][i] = 1;
    }
    return matrix;
  }

  /// Turns the inverse of M into that of M + u uᵀ (Sherman and Morrison).
  private static void include(double[][] inverse, double[] u, double[] product) {
    multiply(inverse, u, product);
    double factor = 1 / (1 + dot(u, product));
    for (int i = 0; i < u.length; i++) {
      for (int j = 0; j < u.length; j++) {
        inverse[i][j] -= factor * product[i] * product[j];
      }
    }
  }

  private static void multiply(double[][] matrix, double[] vector, double[] product) {
    for (int i = 0; i < vector.length; i++) {
      product[i] = dot(matrix[i], vector);
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
