package io.lorikeet.export;

import java.util.ArrayList;
import java.util.List;

/// All logits of some sequences, computed once and kept.
final class KeptLogits {
  private final List<int[]> sequences;
  private final List<float[][]> logits = new ArrayList<>();

  /// Computes the logits.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; each is computed from position 0 on
  KeptLogits(int vocabulary, List<int[]> sequences, LogitsSource source) {
    this.sequences = sequences;
    for (int[] sequence : sequences) {
      float[][] rows = new float[sequence.length][vocabulary];
      source.forEach(
          sequence, (position, row) -> System.arraycopy(row, 0, rows[position], 0, vocabulary));
      logits.add(rows);
    }
  }

  /// How far another source's logits are from these.
  PositionDifferences compare(LogitsSource other) {
    PositionDifferences differences = new PositionDifferences();
    for (int i = 0; i < sequences.size(); i++) {
      float[][] reference = logits.get(i);
      other.forEach(sequences.get(i), (position, row) -> differences.add(reference[position], row));
    }
    return differences;
  }

  /// How far others that were kept of the same sequences are from these.
  PositionDifferences compare(KeptLogits others) {
    PositionDifferences differences = new PositionDifferences();
    for (int i = 0; i < sequences.size(); i++) {
      for (int position = 0; position < sequences.get(i).length; position++) {
        differences.add(logits.get(i)[position], others.logits.get(i)[position]);
      }
    }
    return differences;
  }
}
