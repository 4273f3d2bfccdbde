package io.lorikeet.export;

import java.util.List;
import java.util.Optional;

/// Compares llama.cpp's logits, with and without an adapter, to others. llama.cpp's are computed
/// first and kept, so that its model can be closed before the trainer's is opened.
final class LogitsComparison {
  private final KeptLogits llama;
  private final KeptLogits llamaBase;
  private final PositionDifferences effect;

  /// Computes llama.cpp's logits.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; each is computed from position 0 on
  LogitsComparison(
      int vocabulary, List<int[]> sequences, LogitsSource llama, LogitsSource llamaBase) {
    this.llama = new KeptLogits(vocabulary, sequences, llama);
    this.llamaBase = new KeptLogits(vocabulary, sequences, llamaBase);
    effect = this.llama.compare(this.llamaBase);
  }

  /// What the adapter changes in llama.cpp.
  LogitsDifference effect() {
    return effect.overall();
  }

  /// How far others are from llama.cpp's with the adapter.
  LogitsDifference difference(LogitsSource others) {
    return llama.compare(others).overall();
  }

  /// How far the trainer's without adapter are from llama.cpp's without it.
  PositionDifferences noise(LogitsSource trainerBase) {
    return llamaBase.compare(trainerBase);
  }

  /// What all of it says of the adapter.
  ///
  /// @param trained the trainer's logits, with the adapter as it is in its file
  /// @param noise from [#noise]
  /// @param rounding what the file's numbers lost, if they lost anything
  Verification verification(
      KeptLogits trained, PositionDifferences noise, Optional<AdapterRounding> rounding) {
    PositionDifferences unexplained = llama.compare(trained);
    int[] usual = unexplained.nearest(Verification.RARE);
    return new Verification(
        effect.overall(),
        unexplained.overall(),
        unexplained.over(usual).shareOf(effect.over(usual)),
        noise.overall(),
        Optional.empty(),
        rounding);
  }
}
