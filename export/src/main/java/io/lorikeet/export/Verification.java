package io.lorikeet.export;

/// What [AdapterVerifier] measured. Every difference is that of the second from the first:
///
/// @param effect llama.cpp with the adapter, llama.cpp without it: what the adapter changes
/// @param unexplained llama.cpp with the adapter, the trainer with the adapter: what nothing
///     explains but rounding
/// @param noise llama.cpp without the adapter, the trainer without it: what rounding alone makes on
///     this base, most of it from the 8-bit activations that products with quantized weights use
public record Verification(
    LogitsDifference effect, LogitsDifference unexplained, LogitsDifference noise) {
  /// The unexplained difference has to be smaller than this share of the effect.
  public static final double LIMIT = 0.1;

  /// An unexplained difference up to this multiple of the noise may be noise.
  private static final double NOISE_MARGIN = 3;

  /// The outcome.
  public enum Verdict {
    /// llama.cpp does with the adapter what the trainer did.
    PASSED,
    /// llama.cpp does something else with the adapter than the trainer did.
    FAILED,
    /// The adapter changes too little to tell.
    INCONCLUSIVE
  }

  /// The unexplained difference as a share of the effect.
  public double unexplainedShare() {
    return unexplained.shareOf(effect);
  }

  /// What the measurements prove.
  public Verdict verdict() {
    if (effect.isNone()) {
      return Verdict.INCONCLUSIVE;
    }
    if (unexplainedShare() < LIMIT) {
      return Verdict.PASSED;
    }
    boolean effectDrowns = noise.shareOf(effect) >= LIMIT;
    boolean mayBeNoise = unexplained.shareOf(noise) <= NOISE_MARGIN;
    return effectDrowns && mayBeNoise ? Verdict.INCONCLUSIVE : Verdict.FAILED;
  }
}
