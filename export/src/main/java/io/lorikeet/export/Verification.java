package io.lorikeet.export;

import java.util.List;
import java.util.Optional;

/// Measurements of [AdapterVerifier]. Differences are those of the second from the first:
///
/// @param effect llama.cpp with the adapter, llama.cpp without it: the adapter's effect there
/// @param trainerEffect the trainer with the same file's numbers, the trainer without them: the
///     expected effect
/// @param unexplained llama.cpp with the adapter, the trainer with it
/// @param noise llama.cpp without the adapter, the trainer without it: the rounding on this base,
///     most of it from the 8-bit activations that products with quantized weights use
/// @param differenceShare the part of `unexplained` beyond rounding, as a share of the trainer's
///     effect, at the median position (see [EffectComparison])
/// @param roundingShare the rounding, as a share of the trainer's effect, at the median position
/// @param rounding loss of the numbers by the file's number format, if there is any
/// @param kinds the effect of each kind of matrix in llama.cpp by itself
/// @param embeddings the same question about embeddings; empty for an adapter that wasn't trained
///     for them
public record Verification(
    LogitsDifference effect,
    LogitsDifference trainerEffect,
    LogitsDifference unexplained,
    LogitsDifference noise,
    double differenceShare,
    double roundingShare,
    Optional<AdapterRounding> rounding,
    KindEffects kinds,
    Optional<EmbeddingAgreement> embeddings) {
  /// Measurements of all kinds of matrices together.
  public Verification(
      LogitsDifference effect,
      LogitsDifference trainerEffect,
      LogitsDifference unexplained,
      LogitsDifference noise,
      double differenceShare,
      double roundingShare,
      Optional<AdapterRounding> rounding) {
    this(
        effect,
        trainerEffect,
        unexplained,
        noise,
        differenceShare,
        roundingShare,
        rounding,
        new KindEffects(List.of(), List.of()),
        Optional.empty());
  }

  /// The difference beyond rounding has to be smaller than this share of the effect.
  public static final double LIMIT = 0.003;

  /// Rounding has to be smaller than this share of the effect, or there is no telling.
  public static final double ROUNDING_LIMIT = 0.1;

  /// Over all positions together the difference has to be smaller than this share of the effect,
  /// where rounding without the adapter makes less.
  public static final double OVERALL_LIMIT = 0.5;

  /// The share of an adapted weight's change that a file's number format may lose.
  public static final double STORAGE_LIMIT = 0.1;

  /// The outcome.
  public enum Verdict {
    /// llama.cpp does with the adapter what the trainer did.
    PASSED,
    /// llama.cpp does something else with the adapter than the trainer did, or the file holds
    /// something else than was meant.
    FAILED,
    /// The adapter changes too little to tell.
    INCONCLUSIVE
  }

  /// Whether the file holds another adapter than the meant one.
  public boolean isRoundedTooFar() {
    return rounding.isPresent() && !(rounding.get().share() < STORAGE_LIMIT);
  }

  /// Whether llama.cpp does something else with the adapter than the trainer.
  boolean isFarOff() {
    return !(differenceShare < LIMIT);
  }

  Verification withShares(double difference, double ofRounding) {
    return new Verification(
        effect,
        trainerEffect,
        unexplained,
        noise,
        difference,
        ofRounding,
        rounding,
        kinds,
        embeddings);
  }

  /// With measurements beside those of the logits.
  Verification with(KindEffects effects, Optional<EmbeddingAgreement> agreement) {
    return new Verification(
        effect,
        trainerEffect,
        unexplained,
        noise,
        differenceShare,
        roundingShare,
        rounding,
        effects,
        agreement);
  }

  /// Whether the adapter changes nothing at all, neither here nor there.
  public boolean isWithoutEffect() {
    return effect.isNone() && trainerEffect.isNone();
  }

  /// Whether a few positions differ by so much that they may hide a defect that shows only there.
  public boolean isUneven() {
    double share = unexplained.shareOf(trainerEffect);
    return !(share < OVERALL_LIMIT) && share > noise.shareOf(trainerEffect);
  }

  /// The verdict of the measurements.
  public Verdict verdict() {
    if (isRoundedTooFar() || isFarOff() || embeddings.filter(e -> e.isFarOff()).isPresent()) {
      return Verdict.FAILED;
    }
    boolean tooLittle = isWithoutEffect() || !(roundingShare < ROUNDING_LIMIT);
    boolean unclear = isUneven() || embeddings.filter(e -> e.isUnclear()).isPresent();
    return tooLittle || unclear ? Verdict.INCONCLUSIVE : Verdict.PASSED;
  }
}
