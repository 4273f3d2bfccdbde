package io.lorikeet.train.data;

import java.util.Arrays;

/// An example as tokens. The model is given all but the last and is to predict all but the first,
/// so an example of n tokens takes n - 1 places of a row.
///
/// @param tokens ids, with the begin and end tokens; at least two
/// @param trained which of the tokens have loss, as many as there are tokens; never the first, and
///     at least one
/// @param source the file, as the user named it
/// @param line line of the file, from 1
/// @param judgement the data's word on its answer
public record TokenizedExample(
    int[] tokens, boolean[] trained, String source, int line, Judgement judgement) {
  public TokenizedExample {
    if (trained.length != tokens.length || tokens.length < 2 || trained[0]) {
      throw new IllegalArgumentException(
          trained.length
              + " marks of loss"
              + (trained.length > 0 && trained[0] ? ", the first one set," : "")
              + " for an example of "
              + tokens.length
              + " tokens");
    }
    if (count(trained) == 0) {
      throw new IllegalArgumentException("no token with loss in an example");
    }
  }

  /// An example to learn.
  public TokenizedExample(int[] tokens, boolean[] trained, String source, int line) {
    this(tokens, trained, source, line, Judgement.NONE);
  }

  /// An example with a prompt, and loss on all that follows it.
  ///
  /// @param promptLength tokens of the prompt, at least 1
  public TokenizedExample(int[] tokens, int promptLength, String source, int line) {
    this(tokens, after(promptLength, tokens.length), source, line);
  }

  /// The same with another word on its answer.
  TokenizedExample judged(Judgement other) {
    return new TokenizedExample(tokens, trained, source, line, other);
  }

  /// Places that the example takes of a row.
  public int places() {
    return tokens.length - 1;
  }

  /// Tokens with loss.
  public int targets() {
    return count(trained);
  }

  private static boolean[] after(int promptLength, int length) {
    if (promptLength < 1 || promptLength >= length) {
      throw new IllegalArgumentException(
          promptLength + " tokens of prompt in an example of " + length);
    }
    boolean[] trained = new boolean[length];
    Arrays.fill(trained, promptLength, length, true);
    return trained;
  }

  private static int count(boolean[] trained) {
    int count = 0;
    for (boolean one : trained) {
      count += one ? 1 : 0;
    }
    return count;
  }
}
