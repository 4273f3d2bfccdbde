package io.lorikeet.models.lora;

import io.lorikeet.bindings.llama.Invocation;
import java.util.List;
import java.util.Optional;

/// How an adapter is made.
///
/// @param rank rank of every pair but those of experts
/// @param expertRank rank of the pair of each expert's matrix
/// @param alpha the products are scaled by alpha / rank, or alpha / sqrt(rank) with rsLoRA
/// @param rankStabilized rsLoRA (arXiv 2312.03732)
/// @param dropout share of a pair's inputs that are set to zero in training, 0 for none
/// @param targets names as [LoraTargets] knows them
/// @param seed seed of A's first values
/// @param invocation the tokens that it acts from; empty for one that always does
public record LoraSettings(
    int rank,
    int expertRank,
    double alpha,
    boolean rankStabilized,
    double dropout,
    List<String> targets,
    long seed,
    Optional<Invocation> invocation) {

  /// The rank of experts' pairs where nothing is said.
  public static final int EXPERT_RANK = 2;

  public LoraSettings {
    targets = List.copyOf(targets);
  }

  /// Of one that always acts.
  public LoraSettings(
      int rank,
      int expertRank,
      double alpha,
      boolean rankStabilized,
      double dropout,
      List<String> targets,
      long seed) {
    this(rank, expertRank, alpha, rankStabilized, dropout, targets, seed, Optional.empty());
  }

  /// The same for an adapter that acts from these tokens on, or always.
  public LoraSettings activatedBy(Optional<Invocation> other) {
    return new LoraSettings(rank, expertRank, alpha, rankStabilized, dropout, targets, seed, other);
  }

  /// With the usual rank for experts.
  public LoraSettings(
      int rank,
      double alpha,
      boolean rankStabilized,
      double dropout,
      List<String> targets,
      long seed) {
    this(rank, EXPERT_RANK, alpha, rankStabilized, dropout, targets, seed);
  }

  /// The factor of B A. Experts' products have fileAlpha / expertRank: a file has one alpha for all
  /// pairs, and llama.cpp divides it by each pair's own rank.
  public double scaling() {
    return rankStabilized ? alpha / Math.sqrt(rank) : alpha / rank;
  }

  /// The alpha of the adapter's file, with rsLoRA's root folded in.
  public double fileAlpha() {
    return scaling() * rank;
  }
}
