package io.lorikeet.export;

import java.util.ArrayList;
import java.util.List;

/// Compares llama.cpp's logits, with and without an adapter, to the trainer's. llama.cpp's are
/// computed first and kept, so that its model can be closed before the trainer's is opened.
final class LogitsComparison {
  private final List<int[]> sequences;
  private final List<float[][]> llama;
  private final List<float[][]> llamaBase;

  /// Computes llama.cpp's logits.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; each is computed from position 0 on
  LogitsComparison(
      int vocabulary, List<int[]> sequences, LogitsSource llama, LogitsSource llamaBase) {
    this.sequences = sequences;
    this.llama = collect(vocabulary, llama);
    this.llamaBase = collect(vocabulary, llamaBase);
  }

  private List<float[][]> collect(int vocabulary, LogitsSource source) {
    List<float[][]> all = new ArrayList<>();
    for (int[] sequence : sequences) {
      float[][] kept = new float[sequence.length][vocabulary];
      source.forEach(
          sequence,
          (position, logits) -> System.arraycopy(logits, 0, kept[position], 0, vocabulary));
      all.add(kept);
    }
    return all;
  }

  /// What the adapter changes in llama.cpp.
  LogitsDifference effect() {
    LogitsDifference.Accumulator sum = new LogitsDifference.Accumulator();
    for (int sequence = 0; sequence < sequences.size(); sequence++) {
      for (int position = 0; position < sequences.get(sequence).length; position++) {
        sum.add(llama.get(sequence)[position], llamaBase.get(sequence)[position]);
      }
    }
    return sum.result();
  }

  /// How far the trainer with the adapter is from llama.cpp with it.
  LogitsDifference unexplained(LogitsSource trainer) {
    return compare(llama, trainer);
  }

  /// How far the trainer without adapter is from llama.cpp without it.
  LogitsDifference noise(LogitsSource trainerBase) {
    return compare(llamaBase, trainerBase);
  }

  private LogitsDifference compare(List<float[][]> references, LogitsSource source) {
    LogitsDifference.Accumulator sum = new LogitsDifference.Accumulator();
    for (int i = 0; i < sequences.size(); i++) {
      float[][] reference = references.get(i);
      source.forEach(sequences.get(i), (position, logits) -> sum.add(reference[position], logits));
    }
    return sum.result();
  }
}
