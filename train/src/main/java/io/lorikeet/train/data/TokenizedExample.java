package io.lorikeet.train.data;

/// An example as tokens. The model is given all but the last and is to predict all but the first,
/// so an example of n tokens takes n - 1 places of a row.
///
/// @param tokens ids, with the begin and end tokens
/// @param promptLength tokens at the beginning that are never predicted, at least 1
/// @param source the file, as the user named it
/// @param line line of the file, from 1
public record TokenizedExample(int[] tokens, int promptLength, String source, int line) {
  public TokenizedExample {
    if (promptLength < 1 || promptLength >= tokens.length) {
      throw new IllegalArgumentException(
          promptLength + " tokens of prompt in an example of " + tokens.length);
    }
  }

  /// Places that the example takes of a row.
  public int places() {
    return tokens.length - 1;
  }

  /// Tokens with loss.
  public int targets() {
    return tokens.length - promptLength;
  }
}
