package io.lorikeet.models.testing;

import java.util.Arrays;

/// y = W x + bias + scaling * B (A x), of n rows at once, B (A x) of those alone that are adapted;
/// made for one run and keeps what its backward needs.
final class ReferenceLinear {
  private final double[] weight; // [outputs][inputs]
  private final double[] bias; // [outputs], or null
  private final ReferencePair pair; // or null
  private final ReferencePair gradient; // of the pair, or null
  private final double scaling;
  private final boolean[] adapted; // [n]
  private final int inputs;
  private final int outputs;
  private double[] x; // [n][inputs]
  private double[] low; // A x: [n][rank]

  ReferenceLinear(
      double[] weight,
      int inputs,
      double[] bias,
      ReferencePair pair,
      double scaling,
      boolean[] adapted) {
    this.adapted = adapted;
    this.weight = weight;
    this.bias = bias;
    this.pair = pair;
    this.gradient = pair == null ? null : pair.zeros();
    this.scaling = scaling;
    this.inputs = inputs;
    this.outputs = weight.length / inputs;
    if (pair != null
        && (pair.a().length != inputs * pair.rank() || pair.b().length != outputs * pair.rank())) {
      throw new IllegalArgumentException(
          "the pair of " + pair.baseTensor() + " doesn't fit its weight");
    }
  }

  double[] forward(double[] input) {
    x = input;
    int n = x.length / inputs;
    double[] y = new double[n * outputs];
    ReferenceMath.addTimesTransposed(y, 1, x, weight, n, inputs, outputs);
    if (bias != null) {
      for (int row = 0; row < n; row++) {
        ReferenceMath.addScaled(y, row * outputs, 1, bias, 0, outputs);
      }
    }
    if (pair != null) {
      low = new double[n * pair.rank()];
      ReferenceMath.addTimesTransposed(low, 1, x, pair.a(), n, inputs, pair.rank());
      clearUnadapted(low);
      ReferenceMath.addTimesTransposed(y, scaling, low, pair.b(), n, pair.rank(), outputs);
    }
    return y;
  }

  /// From the gradient of y to that of x; adds to the pair's.
  double[] backward(double[] dy) {
    int n = x.length / inputs;
    double[] dx = new double[x.length];
    ReferenceMath.addTimes(dx, 1, dy, weight, n, inputs, outputs);
    if (pair != null) {
      int rank = pair.rank();
      double[] dlow = new double[n * rank];
      ReferenceMath.addTimes(dlow, scaling, dy, pair.b(), n, rank, outputs);
      clearUnadapted(dlow);
      ReferenceMath.addTransposedTimes(gradient.b(), scaling, dy, low, n, rank, outputs);
      ReferenceMath.addTransposedTimes(gradient.a(), 1, dlow, x, n, inputs, rank);
      ReferenceMath.addTimes(dx, 1, dlow, pair.a(), n, inputs, rank);
    }
    return dx;
  }

  private void clearUnadapted(double[] rows) {
    int rank = pair.rank();
    for (int row = 0; row < adapted.length; row++) {
      if (!adapted[row]) {
        Arrays.fill(rows, row * rank, (row + 1) * rank, 0);
      }
    }
  }

  /// The gradient of the pair so far; null without one.
  ReferencePair gradient() {
    return gradient;
  }
}
