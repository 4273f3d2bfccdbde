package io.lorikeet.export;

import java.util.List;
import java.util.Optional;

/// Compares llama.cpp's logits, with and without an adapter, to others. llama.cpp's are computed
/// first and kept, so that its model can be closed before the trainer's is opened.
final class LogitsComparison {
  private final KeptLogits llama;
  private final KeptLogits llamaBase;
  private final LogitsDifference effect;

  /// Computes llama.cpp's logits.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; each is computed from position 0 on
  LogitsComparison(
      int vocabulary, List<int[]> sequences, LogitsSource llama, LogitsSource llamaBase) {
    this.llama = new KeptLogits(vocabulary, sequences, llama);
    this.llamaBase = new KeptLogits(vocabulary, sequences, llamaBase);
    effect = this.llama.difference(this.llamaBase);
  }

  /// The adapter's effect in llama.cpp.
  LogitsDifference effect() {
    return effect;
  }

  /// How far others are from llama.cpp's with the adapter.
  LogitsDifference difference(LogitsSource others) {
    return llama.difference(others);
  }

  /// The measurements of all positions.
  ///
  /// @param trained the trainer's logits, with the adapter as it is in its file
  /// @param trainerBase the trainer without the adapter
  /// @param effects takes all positions
  /// @param rounding loss of the file's numbers, if there is any
  Verification verification(
      KeptLogits trained,
      LogitsSource trainerBase,
      EffectComparison effects,
      Optional<AdapterRounding> rounding) {
    PositionDifferences trainerEffect = new PositionDifferences();
    PositionDifferences noise = new PositionDifferences();
    llamaBase.forEach(
        trainerBase,
        (sequence, position, base, others) -> {
          float[] with = trained.row(sequence, position);
          trainerEffect.add(with, others);
          noise.add(base, others);
          effects.add(llama.row(sequence, position), base, with, others);
        });
    return new Verification(
        effect,
        trainerEffect.overall(),
        llama.difference(trained),
        noise.overall(),
        effects.differenceShare(),
        effects.roundingShare(),
        rounding);
  }

  /// The verification with the trainer's logits computed once more, see
  /// [EffectComparison#addNearer].
  Verification nearer(
      Verification verification,
      EffectComparison effects,
      KeptLogits trained,
      LogitsSource nudged,
      boolean isRounding) {
    effects.addNearer(llama, trained, nudged, isRounding);
    return verification.withShares(effects.differenceShare(), effects.roundingShare());
  }
}
