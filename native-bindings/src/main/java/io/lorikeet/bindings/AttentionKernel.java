package io.lorikeet.bindings;

import org.jspecify.annotations.Nullable;

/// From the scores of a block of queries to their attention weights, and back. Multiplying queries,
/// keys and values is the caller's part.
public interface AttentionKernel {
  /// The attention of a layer.
  ///
  /// @param indices F32 `[context]`: 0, 1, 2, …
  /// @param seenUntil F32 `[rows · context]`: index within its row of the last query that sees each
  ///     key
  /// @param mask F32 `[context · context · rows]`: what is added to the scores of a row's keys and
  ///     queries, where blocks are as long as rows, so that it needn't be computed; or null
  /// @param scale factor of the scores
  /// @param scoreCap scores are cap · tanh(score / cap); 0 for none
  /// @param sinks F32 `[heads]`: for each head the score of a key without a value, or null
  record AttentionForm(
      Tensor indices,
      Tensor seenUntil,
      @Nullable Tensor mask,
      float scale,
      float scoreCap,
      @Nullable Tensor sinks) {}

  /// A block of queries.
  ///
  /// @param row index in the batch of the first token of the row
  /// @param from index in the row of the first key that the block looks at
  /// @param first index in the row of its first query
  /// @param queries how many there are; the last one is the last key, too
  record Block(int row, int from, int first, int queries) {
    public int keys() {
      return first + queries - from;
    }
  }

  /// Attention weights of a block.
  ///
  /// @param values F32 `[keys, queries, heads]`
  /// @param capped the scores that a softmax has made them of, where [#scoresBack] needs them; else
  ///     null
  record Weights(Tensor values, @Nullable Tensor capped) {}

  /// The factor that queries are multiplied by before their products with keys, and that gradients
  /// of queries are to be multiplied by.
  float queryFactor();

  /// The weights of the keys that each query sees: those up to itself whose `seenUntil` reaches it.
  ///
  /// @param scores the products of keys and queries, F32 `[keys, queries, heads]`; nothing else
  ///     uses them
  Weights weights(Tensor scores, Block block);

  /// The gradient of the products of keys and queries.
  ///
  /// @param dWeights the gradient of the weights, F32 of their shape; nothing else uses it
  Tensor scoresBack(Tensor dWeights, Weights weights);
}
