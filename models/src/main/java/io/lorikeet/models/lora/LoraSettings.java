package io.lorikeet.models.lora;

import java.util.List;

/// How an adapter is made.
///
/// @param rank rank of every pair
/// @param alpha the products are scaled by alpha / rank, or alpha / sqrt(rank) with rsLoRA
/// @param rankStabilized rsLoRA (arXiv 2312.03732)
/// @param dropout share of a pair's inputs that are set to zero in training, 0 for none
/// @param targets names as [LoraTargets] knows them
/// @param seed seed of A's first values
public record LoraSettings(
    int rank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    List<String> targets,
    long seed) {

  public LoraSettings {
    targets = List.copyOf(targets);
  }

  /// The factor of B A.
  public double scaling() {
    return rankStabilized ? alpha / Math.sqrt(rank) : alpha / rank;
  }
}
