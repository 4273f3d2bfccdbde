package io.lorikeet.export;

import io.lorikeet.bindings.Beta;

/// Measurements of [MergeVerifier], all in llama.cpp. Differences are those of the second from the
/// first:
///
/// @param effect the base with the adapters, the base without: the adapters' effect
/// @param difference the base with the adapters, the merged file: the error of merging
/// @param baseLoss mean loss of each next token, in nats, of the base alone
/// @param adapterLoss the same of the base with the adapters
/// @param mergedLoss the same of the merged file
@Beta
public record MergeVerification(
    LogitsDifference effect,
    LogitsDifference difference,
    double baseLoss,
    double adapterLoss,
    double mergedLoss) {
  /// The merged file has to be nearer to the base with the adapters than this share of the way that
  /// the adapters moved it.
  public static final double LIMIT = 0.5;

  /// The root of the divergence by merging, as a share of the root of the divergence by the
  /// adapters. It is 0 when the merged file answers as the base with the adapters, about 1 when the
  /// adapters' effect is lost.
  public double lostShare() {
    return difference.divergence() == 0
        ? 0
        : Math.sqrt(difference.divergence() / effect.divergence());
  }

  /// Whether the merged file does what the adapters do. Adapters that change nothing prove nothing.
  public Verification.Verdict verdict() {
    if (effect.isNone()) {
      return Verification.Verdict.INCONCLUSIVE;
    }
    return lostShare() < LIMIT ? Verification.Verdict.PASSED : Verification.Verdict.FAILED;
  }
}
