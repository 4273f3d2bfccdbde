package io.lorikeet.models.testing;

/// Rotates consecutive pairs of each head by an angle that grows with the token's position, as
/// `ggml_rope_ext` in mode NORM does.
final class ReferenceRope {
  private static final double BETA_FAST = 32;
  private static final double BETA_SLOW = 1;

  private final int headSize;
  private final double magnitude;
  private final double[] frequencies; // [headSize / 2]: angle per position

  /// @param factors one divisor per frequency (`rope_freqs.weight`), or null
  ReferenceRope(ReferenceConfig.Rope rope, int headSize, double[] factors) {
    this.headSize = headSize;
    this.frequencies = new double[headSize / 2];
    double low = Math.max(0, Math.floor(correction(rope, headSize, BETA_FAST)));
    double high = Math.min(headSize - 1, Math.ceil(correction(rope, headSize, BETA_SLOW)));
    for (int i = 0; i < frequencies.length; i++) {
      double kept = Math.pow(rope.base(), -2.0 * i / headSize) / (factors == null ? 1 : factors[i]);
      double stretched = kept / rope.factor();
      double mix = 1 - Math.clamp((i - low) / Math.max(0.001, high - low), 0.0, 1.0);
      frequencies[i] = rope.yarn() ? stretched * (1 - mix) + kept * mix : stretched;
    }
    boolean stretchedByYarn = rope.yarn() && rope.factor() > 1;
    this.magnitude =
        rope.attentionFactor() * (stretchedByYarn ? 1 + 0.1 * Math.log(rope.factor()) : 1);
  }

  /// The frequency's index that turns `turns` times within the original context
  /// (ggml_rope_yarn_corr_dim).
  private static double correction(ReferenceConfig.Rope rope, int headSize, double turns) {
    return headSize
        * Math.log(rope.originalContext() / (turns * 2 * Math.PI))
        / (2 * Math.log(rope.base()));
  }

  /// Rotates `x[n][heads * headSize]`.
  double[] forward(double[] x, int[] positions) {
    return rotate(x, positions, 1);
  }

  /// Gradient with respect to x: the transposed rotation.
  double[] backward(double[] dy, int[] positions) {
    return rotate(dy, positions, -1);
  }

  private double[] rotate(double[] x, int[] positions, int direction) {
    double[] y = new double[x.length];
    int rowLength = x.length / positions.length;
    for (int row = 0; row < positions.length; row++) {
      for (int i = 0; i < rowLength; i += 2) {
        double angle = positions[row] * frequencies[i % headSize / 2];
        double cosine = magnitude * Math.cos(angle);
        double sine = direction * magnitude * Math.sin(angle);
        double first = x[row * rowLength + i];
        double second = x[row * rowLength + i + 1];
        y[row * rowLength + i] = first * cosine - second * sine;
        y[row * rowLength + i + 1] = first * sine + second * cosine;
      }
    }
    return y;
  }
}
