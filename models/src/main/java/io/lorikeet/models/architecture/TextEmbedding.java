package io.lorikeet.models.architecture;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;

/// From last hidden states to a text's embedding and back, in `double` on the host. Each state goes
/// through the final norm, and their mean or the last of them is scaled to length 1. Source:
/// `build_pooling` in llama.cpp's `src/llama-graph.cpp`, `common_embd_normalize` in its
/// `common/common.cpp`.
public final class TextEmbedding {
  /// Below this a length is no longer divided by.
  private static final double LEAST_LENGTH = 1e-12;

  private final float[] norm;
  private final double epsilon;
  private final Pooling pooling;

  /// @param norm weights of the final norm
  /// @param epsilon of the final norm
  public TextEmbedding(float[] norm, double epsilon, Pooling pooling) {
    this.norm = norm;
    this.epsilon = epsilon;
    this.pooling = pooling;
  }

  /// That of a base.
  ///
  /// @throws InvalidInputException when the base's pooling or its family has none
  public static TextEmbedding of(GgufFile base, ModelConfig config) {
    if (config.family().streams() > 1) {
      throw new InvalidInputException(
          "%s: several streams make its last state, of which Lorikeet makes no embeddings"
              .formatted(base.path()));
    }
    GgufTensor norm = base.tensor(config.family().outputNorm()).orElseThrow();
    return new TextEmbedding(
        RowDequantizer.floats(norm.type(), base.data(norm)),
        config.rmsEpsilon(),
        Pooling.of(base.metadata()));
  }

  /// Numbers of an embedding.
  public int size() {
    return norm.length;
  }

  /// Which states make it.
  public Pooling pooling() {
    return pooling;
  }

  /// The embedding of a text.
  ///
  /// @param hidden `[size, places]`, the states that the final norm takes
  /// @param places those of the text's tokens, in their order
  public double[] of(float[] hidden, int[] places) {
    double[] pooled = pooled(hidden, places);
    double length = length(pooled);
    for (int i = 0; i < pooled.length; i++) {
      pooled[i] /= length;
    }
    return pooled;
  }

  /// Adds the gradient by the hidden states.
  ///
  /// @param gradient by the embedding
  /// @param sum `[size, places]`, that of all texts so far
  public void backward(float[] hidden, int[] places, double[] gradient, float[] sum) {
    double[] pooled = pooled(hidden, places);
    double length = length(pooled);
    double along = 0;
    for (int i = 0; i < pooled.length; i++) {
      along += gradient[i] * pooled[i] / length;
    }
    double[] byPooled = new double[pooled.length];
    for (int i = 0; i < pooled.length; i++) {
      byPooled[i] = (gradient[i] - along * pooled[i] / length) / length;
    }
    int first = pooling == Pooling.LAST ? places.length - 1 : 0;
    for (int i = first; i < places.length; i++) {
      normBackward(hidden, places[i], byPooled, 1.0 / (places.length - first), sum);
    }
  }

  private double[] pooled(float[] hidden, int[] places) {
    int first = pooling == Pooling.LAST ? places.length - 1 : 0;
    double[] pooled = new double[norm.length];
    for (int i = first; i < places.length; i++) {
      int start = places[i] * norm.length;
      double factor = inverseRoot(hidden, start) / (places.length - first);
      for (int j = 0; j < norm.length; j++) {
        pooled[j] += factor * norm[j] * hidden[start + j];
      }
    }
    return pooled;
  }

  /// With r = 1 / √(mean x² + ε) and g the gradient by r x: dx = r g - x r³ mean(g x).
  private void normBackward(
      float[] hidden, int place, double[] gradient, double share, float[] sum) {
    int start = place * norm.length;
    double root = inverseRoot(hidden, start);
    double along = 0;
    for (int j = 0; j < norm.length; j++) {
      along += gradient[j] * norm[j] * hidden[start + j];
    }
    along *= root * root * root / norm.length;
    for (int j = 0; j < norm.length; j++) {
      sum[start + j] +=
          (float) (share * (root * gradient[j] * norm[j] - along * hidden[start + j]));
    }
  }

  private double inverseRoot(float[] hidden, int start) {
    double squares = 0;
    for (int j = 0; j < norm.length; j++) {
      squares += (double) hidden[start + j] * hidden[start + j];
    }
    return 1 / Math.sqrt(squares / norm.length + epsilon);
  }

  private static double length(double[] vector) {
    double squares = 0;
    for (double value : vector) {
      squares += value * value;
    }
    return Math.max(LEAST_LENGTH, Math.sqrt(squares));
  }
}
