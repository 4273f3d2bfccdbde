package io.lorikeet.finetune.scoring;

/// Says how good answers are. Not for use by several threads at once.
@FunctionalInterface
public interface Scorer extends AutoCloseable {
  /// Scores an answer. No answer makes it throw: where it can't tell, the score says so.
  ///
  /// @param answer the text that a model wrote, without its thoughts
  Score score(Question question, String answer);

  /// Ends the processes that it has started.
  @Override
  default void close() {}
}
