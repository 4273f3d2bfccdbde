package io.lorikeet.export;

import io.lorikeet.bindings.Beta;

/// Something that computes a language model's logits: libllama or the trainer, with or without an
/// adapter.
@FunctionalInterface
@Beta
public interface LogitsSource {

  /// Computes the logits after each token of one sequence that starts at position 0, and hands them
  /// over in order.
  ///
  /// @param tokens ids of the sequence
  void forEach(int[] tokens, PositionConsumer consumer);

  /// Receives the logits of one position.
  @FunctionalInterface
  interface PositionConsumer {

    /// @param position index of the token after which these logits predict the next, from 0
    /// @param logits one for each entry of the vocabulary; valid during this call only
    void accept(int position, float[] logits);
  }
}
