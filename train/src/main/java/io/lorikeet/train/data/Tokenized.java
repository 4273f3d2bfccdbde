package io.lorikeet.train.data;

import java.util.List;

/// What tokenizing made of an example.
///
/// @param examples what is trained on: one, several pieces, or none
/// @param fate what became of it
/// @param length tokens of the whole example, before it was cut or divided
/// @param unknown characters that the vocabulary can't spell, in the tokens above
/// @param spellsControl whether its text holds the name of a control token
/// @param problem why it can't be used, for [Fate#REFUSED]; else empty
record Tokenized(
    List<TokenizedExample> examples,
    Fate fate,
    int length,
    int unknown,
    boolean spellsControl,
    String problem) {

  /// What can become of an example.
  enum Fate {
    WHOLE,
    /// It lost its end, or its beginning.
    CUT,
    /// It is several.
    DIVIDED,
    /// Left out since it is longer than the context.
    DROPPED,
    /// Left out since nothing to learn is within the context.
    PROMPT_TOO_LONG,
    /// Left out since there is nothing to learn in it.
    NOTHING_TO_LEARN,
    /// It isn't what can be trained on.
    REFUSED
  }

  static Tokenized refused(String problem) {
    return new Tokenized(List.of(), Fate.REFUSED, 0, 0, false, problem);
  }
}
