package io.lorikeet.models.architecture;

import java.io.Serializable;
import java.util.Arrays;

/// The tokens of one forward pass: `rows` rows of `context` tokens, row after row. Every array has
/// `rows * context` elements.
///
/// Several examples can share a row: each starts at position 0 and sees only itself. Examples that
/// begin alike can share their beginning, too: they are a tree then, whose tokens stand in the row
/// depth first. A token is followed by all that comes after it in any of the examples, up to its
/// `seenUntil`, and sees those that it follows:
///
///     index       0  1  2  3  4  5  6      The examples a b c d and a b e f, then g.
///     token       a  b  c  d  e  f  g
///     position    0  1  2  3  2  3  0
///     seenUntil   5  5  3  3  5  5  6
///
/// @param rows rows, each attended to on its own
/// @param context tokens in a row, padding included
/// @param tokens token ids
/// @param positions position of each token in its own example
/// @param seenUntil index within the row of the last token that attends to this token, which all
///     between do, too; its own where no other does
/// @param targets the token to predict at each place; any valid id where the weight is 0
/// @param targetWeights weight of each place in the loss: the sum of the weights that its target
///     has in the examples that stand there, mostly 1 for each; 0 for a prompt or padding
/// @param adapted whether the adapter acts on each token; only asked where it has an invocation
public record TokenBatch(
    int rows,
    int context,
    int[] tokens,
    int[] positions,
    int[] seenUntil,
    int[] targets,
    float[] targetWeights,
    boolean[] adapted)
    implements Serializable {

  public TokenBatch {
    if (rows < 1 || context < 1) {
      throw new IllegalArgumentException("a batch of " + rows + " rows of " + context + " tokens");
    }
    int size = Math.multiplyExact(rows, context);
    if (tokens.length != size
        || positions.length != size
        || seenUntil.length != size
        || targets.length != size
        || targetWeights.length != size
        || adapted.length != size) {
      throw new IllegalArgumentException(
          "the arrays of a batch must all have " + size + " elements");
    }
    for (int i = 0; i < size; i++) {
      if (seenUntil[i] < i % context || seenUntil[i] >= context) {
        throw new IllegalArgumentException(
            "token " + i + " can't be seen until " + seenUntil[i] + " of its row");
      }
    }
  }

  /// Of which the adapter acts on all tokens.
  public TokenBatch(
      int rows,
      int context,
      int[] tokens,
      int[] positions,
      int[] seenUntil,
      int[] targets,
      float[] targetWeights) {
    this(rows, context, tokens, positions, seenUntil, targets, targetWeights, all(tokens.length));
  }

  private static boolean[] all(int count) {
    boolean[] all = new boolean[count];
    Arrays.fill(all, true);
    return all;
  }

  /// Whether some examples share their beginning, so that tokens which see each other can stand
  /// further apart than their positions say.
  public boolean branches() {
    for (int i = 1; i < size(); i++) {
      boolean follows =
          i % context > 0
              && seenUntil[i - 1] >= i % context
              && positions[i - 1] == positions[i] - 1;
      if (positions[i] > 0 && !follows) {
        return true;
      }
    }
    return false;
  }

  /// Tokens of the batch, padding included.
  public int size() {
    return tokens.length;
  }

  /// The sum of the places' losses with their weights.
  ///
  /// @param losses of each place; of any value where the weight is 0
  public double weighted(float[] losses) {
    double sum = 0;
    for (int i = 0; i < size(); i++) {
      sum += targetWeights[i] == 0 ? 0 : (double) targetWeights[i] * losses[i];
    }
    return sum;
  }

  /// Sum of the target weights: the number of trained tokens where each has weight 1.
  public double targetCount() {
    double sum = 0;
    for (float weight : targetWeights) {
      sum += weight;
    }
    return sum;
  }
}
