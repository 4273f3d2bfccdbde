package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.architecture.Pooling;
import java.util.List;

/// How far llama.cpp's embeddings are from the trainer's, both with the adapter.
///
/// @param texts number of texts
/// @param leastCosine the cosine of the text where they differ most
/// @param distance mean of 1 - cosine between them
/// @param effect the same between the trainer's embeddings with the adapter and without: what it
///     changes
@Beta
public record EmbeddingAgreement(
    Pooling pooling, int texts, double leastCosine, double distance, double effect) {
  /// The least cosine that passes. The two round differently, least where weights are F32.
  public static final double LIMIT = 0.999;

  /// Between llama.cpp and the trainer there has to be less than this share of what the adapter
  /// changes, or there is no telling that llama.cpp applies it.
  public static final double EFFECT_LIMIT = 0.1;

  /// @param llama of each text, llama.cpp's
  /// @param trained the trainer's
  /// @param untrained the trainer's without the adapter
  static EmbeddingAgreement of(
      Pooling pooling, List<double[]> llama, List<double[]> trained, List<double[]> untrained) {
    double least = 1;
    double distance = 0;
    double effect = 0;
    for (int i = 0; i < llama.size(); i++) {
      double cosine = cosine(llama.get(i), trained.get(i));
      least = Double.isNaN(cosine) ? Double.NaN : Math.min(least, cosine);
      distance += 1 - cosine;
      effect += 1 - cosine(trained.get(i), untrained.get(i));
    }
    int texts = llama.size();
    return new EmbeddingAgreement(pooling, texts, least, distance / texts, effect / texts);
  }

  private static double cosine(double[] one, double[] other) {
    double product = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < one.length; i++) {
      product += one[i] * other[i];
      first += one[i] * one[i];
      second += other[i] * other[i];
    }
    return product / Math.sqrt(first * second);
  }

  /// Whether llama.cpp's embeddings are others than the trainer's.
  public boolean isFarOff() {
    return !(leastCosine >= LIMIT);
  }

  /// Whether the adapter changes too little of the embeddings to tell.
  public boolean isUnclear() {
    return !(distance < EFFECT_LIMIT * effect);
  }
}
