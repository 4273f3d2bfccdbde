package io.lorikeet.train.data;

import java.util.Arrays;

/// An example as tokens. The model is given all but the last and is to predict all but the first,
/// so an example of n tokens takes n - 1 places of a row.
///
/// @param tokens ids, with the begin and end tokens; at least two
/// @param weights of the tokens in the loss, as many as there are tokens; 0 for those without loss,
///     as the first is, and above 0 for one at least
/// @param source the file, as the user named it
/// @param line line of the file, from 1
/// @param judgement the data's word on its answer
/// @param adaptedFrom index of the first token that the adapter acts on; 0 for one that always does
public record TokenizedExample(
    int[] tokens, float[] weights, String source, int line, Judgement judgement, int adaptedFrom) {
  public TokenizedExample {
    if (weights.length != tokens.length || tokens.length < 2 || weights[0] != 0) {
      throw new IllegalArgumentException(
          weights.length
              + " weights"
              + (weights.length > 0 && weights[0] != 0 ? ", the first one not 0," : "")
              + " for an example of "
              + tokens.length
              + " tokens");
    }
    if (Tokens.count(weights) == 0) {
      throw new IllegalArgumentException("no token with loss in an example");
    }
  }

  /// An example to learn.
  public TokenizedExample(int[] tokens, float[] weights, String source, int line) {
    this(tokens, weights, source, line, Judgement.NONE, 0);
  }

  /// An example with a prompt, and loss on all that follows it.
  ///
  /// @param promptLength tokens of the prompt, at least 1
  public TokenizedExample(int[] tokens, int promptLength, String source, int line) {
    this(tokens, after(promptLength, tokens.length), source, line);
  }

  /// The same with another word on its answer.
  TokenizedExample judged(Judgement other) {
    return new TokenizedExample(tokens, weights, source, line, other, adaptedFrom);
  }

  /// Places that the example takes of a row.
  public int places() {
    return tokens.length - 1;
  }

  /// Tokens with loss.
  public int targets() {
    return Tokens.count(weights);
  }

  /// Tokens that a server would be given to write the last answer: those before the last stretch of
  /// tokens with loss.
  public int promptLength() {
    int length = tokens.length;
    while (!trains(length - 1)) {
      length--;
    }
    while (trains(length - 1)) {
      length--;
    }
    return length;
  }

  /// Whether a token has loss.
  public boolean trains(int token) {
    return weights[token] > 0;
  }

  /// Whether some token has loss with another weight than 1.
  public boolean isWeighted() {
    for (float weight : weights) {
      if (weight != 0 && weight != 1) {
        return true;
      }
    }
    return false;
  }

  private static float[] after(int promptLength, int length) {
    if (promptLength < 1 || promptLength >= length) {
      throw new IllegalArgumentException(
          promptLength + " tokens of prompt in an example of " + length);
    }
    float[] weights = new float[length];
    Arrays.fill(weights, promptLength, length, 1);
    return weights;
  }
}
