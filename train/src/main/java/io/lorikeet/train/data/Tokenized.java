package io.lorikeet.train.data;

import java.util.List;
import java.util.Set;

/// A tokenized example.
///
/// @param examples the examples to train on: one, several pieces, or none
/// @param fate how it was used
/// @param lengths of each of these, the tokens of the whole that it was cut or divided from
/// @param unknown characters that the vocabulary can't spell, in the tokens above
/// @param spellsControl whether its text holds the name of a control token
/// @param problem why it can't be used, for [Fate#REFUSED]; else empty
/// @param remarks special properties of a chat
record Tokenized(
    List<TokenizedExample> examples,
    Fate fate,
    List<Integer> lengths,
    int unknown,
    boolean spellsControl,
    String problem,
    Set<ChatRemark> remarks) {

  /// Of an example that is no chat.
  Tokenized(
      List<TokenizedExample> examples,
      Fate fate,
      List<Integer> lengths,
      int unknown,
      boolean spellsControl,
      String problem) {
    this(examples, fate, lengths, unknown, spellsControl, problem, Set.of());
  }

  /// The use of an example.
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

  /// A special property of a chat.
  enum ChatRemark {
    /// Its turns are examples of their own.
    SEPARATE_TURNS,
    /// The template ends turns with no token at which generation stops.
    NO_END_OF_TURN,
    /// The prompts aren't quite what a server makes of it.
    OTHER_PROMPT,
    /// Thoughts aren't learned: the template leaves them out, or the prompt has ended them.
    NO_THOUGHTS,
    /// Nothing that an assistant says is to be learned: all has weight 0.
    NONE_TRAINED,
    /// Nothing is to be learned after the user's last message, where only that is learned.
    NO_COMPLETION,
    /// No turn has thoughts, where only those are learned.
    WITHOUT_THOUGHTS,
    /// The template writes nothing of the calls of tools, which are all there is to learn.
    CALLS_LEFT_OUT,
    /// It is written as ChatML, since the base has no template.
    ASSUMED_TEMPLATE
  }

  /// The pieces of one chat.
  ///
  /// @param parts at least one
  static Tokenized of(List<Tokenized> parts, Set<ChatRemark> remarks) {
    List<TokenizedExample> examples =
        parts.stream().flatMap(part -> part.examples().stream()).toList();
    boolean alike = parts.stream().map(Tokenized::fate).distinct().count() == 1;
    return new Tokenized(
        examples,
        alike || examples.isEmpty() ? parts.getFirst().fate() : Fate.CUT,
        parts.stream().flatMap(part -> part.lengths().stream()).toList(),
        parts.stream().mapToInt(Tokenized::unknown).sum(),
        parts.stream().anyMatch(Tokenized::spellsControl),
        "",
        remarks);
  }

  /// The same with the data's word on its answers.
  Tokenized judged(Judgement judgement) {
    return with(examples.stream().map(example -> example.judged(judgement)).toList());
  }

  /// The same with as many other examples.
  Tokenized with(List<TokenizedExample> others) {
    return new Tokenized(others, fate, lengths, unknown, spellsControl, problem, remarks);
  }

  static Tokenized refused(String problem) {
    return new Tokenized(List.of(), Fate.REFUSED, List.of(), 0, false, problem);
  }
}
