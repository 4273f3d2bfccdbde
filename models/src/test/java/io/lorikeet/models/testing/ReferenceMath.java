package io.lorikeet.models.testing;

/// The matrix products and the normalization that [ReferenceModel] is made of. Matrices are
/// row-major: `[rows][columns]` is ggml's ne `[columns, rows]`.
final class ReferenceMath {
  private ReferenceMath() {}

  /// `y[n][m] += scale * x[n][k]` times the transpose of `w[m][k]`: a linear layer's forward.
  static void addTimesTransposed(
      double[] y, double scale, double[] x, double[] w, int n, int k, int m) {
    for (int row = 0; row < n; row++) {
      for (int out = 0; out < m; out++) {
        y[row * m + out] += scale * dot(x, row * k, w, out * k, k);
      }
    }
  }

  /// `dx[n][k] += scale * dy[n][m]` times `w[m][k]`: a linear layer's gradient with respect to its
  /// input.
  static void addTimes(double[] dx, double scale, double[] dy, double[] w, int n, int k, int m) {
    for (int row = 0; row < n; row++) {
      for (int out = 0; out < m; out++) {
        addScaled(dx, row * k, scale * dy[row * m + out], w, out * k, k);
      }
    }
  }

  /// `dw[m][k] += scale *` the transpose of `dy[n][m]` times `x[n][k]`: a linear layer's gradient
  /// with respect to its weight.
  static void addTransposedTimes(
      double[] dw, double scale, double[] dy, double[] x, int n, int k, int m) {
    for (int row = 0; row < n; row++) {
      for (int out = 0; out < m; out++) {
        addScaled(dw, out * k, scale * dy[row * m + out], x, row * k, k);
      }
    }
  }

  static double dot(double[] a, int aStart, double[] b, int bStart, int length) {
    double even = 0;
    double odd = 0;
    int i = 0;
    for (; i + 1 < length; i += 2) {
      even += a[aStart + i] * b[bStart + i];
      odd += a[aStart + i + 1] * b[bStart + i + 1];
    }
    return i < length ? even + odd + a[aStart + i] * b[bStart + i] : even + odd;
  }

  static void addScaled(double[] y, int yStart, double scale, double[] x, int xStart, int length) {
    for (int i = 0; i < length; i++) {
      y[yStart + i] += scale * x[xStart + i];
    }
  }

  static double[] sum(double[] a, double[] b) {
    double[] sum = a.clone();
    addScaled(sum, 0, 1, b, 0, sum.length);
    return sum;
  }

  /// RMS norm of each row of `x[n][width]`, times the weight.
  static double[] rmsNorm(double[] x, double[] weight, double epsilon) {
    int width = weight.length;
    double[] y = new double[x.length];
    for (int start = 0; start < x.length; start += width) {
      double inverse = inverseRms(x, start, width, epsilon);
      for (int i = 0; i < width; i++) {
        y[start + i] = x[start + i] * inverse * weight[i];
      }
    }
    return y;
  }

  /// Gradient of [#rmsNorm] with respect to x.
  static double[] rmsNormGradient(double[] x, double[] weight, double epsilon, double[] dy) {
    int width = weight.length;
    double[] dx = new double[x.length];
    for (int start = 0; start < x.length; start += width) {
      double inverse = inverseRms(x, start, width, epsilon);
      double projection = 0;
      for (int i = 0; i < width; i++) {
        projection += weight[i] * dy[start + i] * x[start + i];
      }
      double correction = projection * inverse * inverse * inverse / width;
      for (int i = 0; i < width; i++) {
        dx[start + i] = inverse * weight[i] * dy[start + i] - correction * x[start + i];
      }
    }
    return dx;
  }

  private static double inverseRms(double[] x, int start, int width, double epsilon) {
    return 1 / Math.sqrt(dot(x, start, x, start, width) / width + epsilon);
  }

  /// Replaces `length` scores by their softmax; returns the logarithm of the sum of their
  /// exponentials.
  static double softmax(double[] scores, int start, int length) {
    double max = Double.NEGATIVE_INFINITY;
    for (int i = start; i < start + length; i++) {
      max = Math.max(max, scores[i]);
    }
    double sum = 0;
    for (int i = start; i < start + length; i++) {
      scores[i] = Math.exp(scores[i] - max);
      sum += scores[i];
    }
    for (int i = start; i < start + length; i++) {
      scores[i] /= sum;
    }
    return max + Math.log(sum);
  }
}
