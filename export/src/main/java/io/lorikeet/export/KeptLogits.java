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

  /// Receives the logits of one position from several sources.
  @FunctionalInterface
  interface RowConsumer {

    /// @param kept these logits
    /// @param others the other source's; valid during this call only
    void accept(int sequence, int position, float[] kept, float[] others);
  }

  /// Hands over these logits together with another source's.
  void forEach(LogitsSource other, RowConsumer consumer) {
    for (int i = 0; i < sequences.size(); i++) {
      int sequence = i;
      float[][] rows = logits.get(i);
      other.forEach(
          sequences.get(i),
          (position, row) -> consumer.accept(sequence, position, rows[position], row));
    }
  }

  /// The logits of one position.
  float[] row(int sequence, int position) {
    return logits.get(sequence)[position];
  }

  /// How far another source's logits are from these.
  LogitsDifference difference(LogitsSource other) {
    PositionDifferences differences = new PositionDifferences();
    forEach(other, (_, _, kept, others) -> differences.add(kept, others));
    return differences.overall();
  }

  /// How far others that were kept of the same sequences are from these.
  LogitsDifference difference(KeptLogits others) {
    PositionDifferences differences = new PositionDifferences();
    for (int sequence = 0; sequence < sequences.size(); sequence++) {
      for (int position = 0; position < sequences.get(sequence).length; position++) {
        differences.add(row(sequence, position), others.row(sequence, position));
      }
    }
    return differences.overall();
  }
}
