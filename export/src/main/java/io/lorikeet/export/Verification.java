package io.lorikeet.export;

import java.util.Optional;

/// What [AdapterVerifier] measured. Every difference is that of the second from the first:
///
/// @param effect llama.cpp with the adapter, llama.cpp without it: what the adapter changes
/// @param unexplained llama.cpp with the adapter, the trainer with the same file's numbers: what
///     nothing explains but rounding
/// @param usualShare the unexplained difference as a share of the effect, both without the [#RARE]
///     positions at which the unexplained one is largest
/// @param noise llama.cpp without the adapter, the trainer without it: what rounding alone makes on
///     this base, most of it from the 8-bit activations that products with quantized weights use
/// @param sensitivity the trainer with the adapter, the trainer with next to nothing more of it:
///     what rounding can make with this adapter; measured where the other differences don't suffice
/// @param rounding what the file's numbers lost by its number format, if they lost anything
public record Verification(
    LogitsDifference effect,
    LogitsDifference unexplained,
    double usualShare,
    LogitsDifference noise,
    Optional<LogitsDifference> sensitivity,
    Optional<AdapterRounding> rounding) {
  /// The unexplained difference has to be smaller than this share of the effect.
  public static final double LIMIT = 0.1;

  /// The share of positions that may differ more. Where the kernels of llama.cpp and the trainer
  /// add in another order, an activation now and then lies so near the middle between two of its 8
  /// bits' values that they round it to different ones. Such a position, and those that attend to
  /// it, differ by much; all others by nothing or next to it. What is wrong with an adapter shows
  /// at all positions.
  public static final double RARE = 0.05;

  /// With the rare positions the unexplained difference may be this share of the effect, whatever
  /// rounding makes elsewhere.
  private static final double LIMIT_WITH_RARE = 0.5;

  /// A difference up to this multiple of what rounding makes may be rounding.
  private static final double ROUNDING_MARGIN = 3;

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

  /// The unexplained difference as a share of the effect, all positions counted.
  public double unexplainedShare() {
    return unexplained.shareOf(effect);
  }

  /// Whether the file holds something else than what was meant.
  public boolean isRoundedTooFar() {
    return rounding.isPresent() && !(rounding.get().share() < LIMIT);
  }

  /// What the measurements prove.
  public Verdict verdict() {
    if (isRoundedTooFar()) {
      return Verdict.FAILED;
    }
    if (effect.isNone()) {
      return Verdict.INCONCLUSIVE;
    }
    double share = unexplainedShare();
    if (share < LIMIT) {
      return Verdict.PASSED;
    }
    boolean mayBeRounding = mayBe(noise) || sensitivity.filter(this::mayBe).isPresent();
    if (usualShare < LIMIT && (share < LIMIT_WITH_RARE || mayBeRounding)) {
      return Verdict.PASSED;
    }
    boolean drowned = drownsIn(noise) || sensitivity.filter(this::drownsIn).isPresent();
    return drowned ? Verdict.INCONCLUSIVE : Verdict.FAILED;
  }

  private boolean drownsIn(LogitsDifference rounding) {
    return rounding.shareOf(effect) >= LIMIT && mayBe(rounding);
  }

  private boolean mayBe(LogitsDifference rounding) {
    return unexplained.shareOf(rounding) <= ROUNDING_MARGIN;
  }

  /// The same with the sensitivity known.
  Verification withSensitivity(LogitsDifference measured) {
    return new Verification(
        effect, unexplained, usualShare, noise, Optional.of(measured), rounding);
  }
}
