package io.lorikeet.export;

import java.util.Arrays;
import java.util.List;

/// Proves that llama.cpp computes with an adapter's file what the trainer computed with the
/// adapter: it compares their logits over whole sequences, and relates the difference to what the
/// adapter changes at all.
///
/// @param llama libllama with the adapter's file
/// @param llamaBase libllama without adapter
/// @param trainer the trainer's forward pass with the adapter
/// @param trainerBase the trainer's forward pass without adapter
public record AdapterVerifier(
    LogitsSource llama, LogitsSource llamaBase, LogitsSource trainer, LogitsSource trainerBase) {

  /// At most this many logits are held at once: 128 MiB.
  private static final long HELD_LOGITS = 32L << 20;

  /// Compares the sources over these sequences, each from position 0 on. A sequence whose logits
  /// would take more than 128 MiB is taken in pieces.
  ///
  /// @param vocabulary number of logits of a position
  /// @param sequences token ids; at least one token
  public Verification verify(int vocabulary, List<int[]> sequences) {
    LogitsDifference.Accumulator effect = new LogitsDifference.Accumulator();
    LogitsDifference.Accumulator unexplained = new LogitsDifference.Accumulator();
    LogitsDifference.Accumulator noise = new LogitsDifference.Accumulator();
    int piece = (int) Math.max(1, HELD_LOGITS / vocabulary);
    for (int[] sequence : sequences) {
      for (int from = 0; from < sequence.length; from += piece) {
        int[] tokens = Arrays.copyOfRange(sequence, from, Math.min(from + piece, sequence.length));
        float[][] held = new float[tokens.length][vocabulary];
        llama.forEach(
            tokens,
            (position, logits) -> System.arraycopy(logits, 0, held[position], 0, vocabulary));
        trainer.forEach(tokens, (position, logits) -> unexplained.add(held[position], logits));
        llamaBase.forEach(
            tokens,
            (position, logits) -> {
              effect.add(held[position], logits);
              System.arraycopy(logits, 0, held[position], 0, vocabulary);
            });
        trainerBase.forEach(tokens, (position, logits) -> noise.add(held[position], logits));
      }
    }
    return new Verification(effect.result(), unexplained.result(), noise.result());
  }
}
