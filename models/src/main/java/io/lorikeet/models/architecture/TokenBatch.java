package io.lorikeet.models.architecture;

/// The tokens of one forward pass: `rows` rows of `context` tokens, row after row. Every array has
/// `rows * context` elements. Several examples can share a row: each starts at position 0 and sees
/// only itself.
///
/// @param rows rows, each attended to on its own
/// @param context tokens in a row, padding included
/// @param tokens token ids
/// @param positions position of each token in its own example
/// @param firstVisible index within the row of the first token that this token may attend to; it
///     sees that one, itself and all between
/// @param targets the token to predict at each place; any valid id where the weight is 0
/// @param targetWeights weight of each place in the loss: 1 for a trained token, 0 for a prompt or
///     padding
public record TokenBatch(
    int rows,
    int context,
    int[] tokens,
    int[] positions,
    int[] firstVisible,
    int[] targets,
    float[] targetWeights) {

  public TokenBatch {
    if (rows < 1 || context < 1) {
      throw new IllegalArgumentException("a batch of " + rows + " rows of " + context + " tokens");
    }
    int size = Math.multiplyExact(rows, context);
    if (tokens.length != size
        || positions.length != size
        || firstVisible.length != size
        || targets.length != size
        || targetWeights.length != size) {
      throw new IllegalArgumentException(
          "the arrays of a batch must all have " + size + " elements");
    }
    for (int i = 0; i < size; i++) {
      if (firstVisible[i] < 0 || firstVisible[i] > i % context) {
        throw new IllegalArgumentException(
            "token " + i + " can't see from " + firstVisible[i] + " on");
      }
    }
  }

  /// Tokens of the batch, padding included.
  public int size() {
    return tokens.length;
  }

  /// Sum of the target weights: the number of trained tokens.
  public double targetCount() {
    double sum = 0;
    for (float weight : targetWeights) {
      sum += weight;
    }
    return sum;
  }
}
