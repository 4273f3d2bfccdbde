package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Causal attention with grouped key-value heads, by blocks of queries: a block's scores over the
/// keys before its end are all that is held at a time, in backward too, where they are computed
/// again. Keys after a block's end are skipped, and those before its window. Of the others, a query
/// sees itself and those before it whose `seenUntil` reaches it, which keeps examples that share a
/// row apart, and lets some share a beginning.
///
/// @param rows rows of the batch, each attended to on its own
/// @param context tokens of a row
/// @param block queries in a block
/// @param scale factor of the scores
/// @param indices F32 `[context]`: 0, 1, 2, …
/// @param seenUntil F32 `[rows · context]`: index within its row of the last query that sees each
///     key
/// @param window keys that a token sees at most, as `seenUntil` says too; 0 for no limit
/// @param scoreCap scores are cap · tanh(score / cap); 0 for none
/// @param sinks F32 `[heads]`: for each head the score of a key without a value, or null
public record Attention(
    int rows,
    int context,
    int block,
    float scale,
    Tensor indices,
    Tensor seenUntil,
    int window,
    float scoreCap,
    Tensor sinks) {
  /// Added to hidden scores for every place they are out of sight; far below any score, and finite,
  /// since infinity minus infinity would be no number.
  private static final float HIDDEN = 1e9f;

  /// A block's keys begin at a multiple of this many, where devices like views to begin.
  private static final int ALIGNMENT = 64;

  /// Gradients of the inputs, in their shapes.
  record Gradients(Tensor q, Tensor k, Tensor v) {}

  /// A block of queries: `first` is the index of its first query in the row, `row` that row's first
  /// token, `from` the index in the row of the first key that it looks at.
  private record Block(int row, int from, int first, int queries) {
    int keys() {
      return first + queries - from;
    }
  }

  private List<Block> blocksOf(int row) {
    List<Block> blocks = new ArrayList<>();
    for (int first = 0; first < context; first += block) {
      int from = window == 0 ? 0 : Math.max(0, first - window + 1) / ALIGNMENT * ALIGNMENT;
      blocks.add(new Block(row * context, from, first, Math.min(block, context - first)));
    }
    return blocks;
  }

  /// q `[head size, heads, t]`, k and v `[head size, key-value heads, t]` give `[head size, heads,
  /// t]`.
  Tensor forward(Ops ops, Products products, Tensor q, Tensor k, Tensor v) {
    Tensor outputs = room(ops, q);
    Tensor allKeys = products.operand(k);
    Tensor allValues = products.operand(v);
    for (int row = 0; row < rows; row++) {
      Keys values = new Keys(ops, products, allValues, row);
      for (Block b : blocksOf(row)) {
        Tensor weights = products.operand(weights(ops, products, q, allKeys, b).values());
        products.productByTokenInto(values.transposed(b), weights, target(ops, outputs, b), false);
      }
    }
    return outputs;
  }

  /// Memory for what the blocks compute, in the shape of `like`. Were their parts joined at the
  /// end, each would hold its own piece of scratch memory until then, and ggml's allocator counts
  /// no more than 256 gaps between such.
  private static Tensor room(Ops ops, Tensor like) {
    return ops.scale(like, 0);
  }

  /// Where a block's results go.
  private static Tensor target(Ops ops, Tensor all, Block b) {
    return tokens(ops, all, b.row() + b.first(), b.queries());
  }

  /// The gradients of q, k and v, where dy `[head size, heads, t]` is that of the result.
  Gradients backward(Ops ops, Products products, Tensor q, Tensor k, Tensor v, Tensor dy) {
    int group = Math.toIntExact(q.shape().ne1() / k.shape().ne1());
    Tensor dq = room(ops, q);
    Tensor allKeys = products.operand(k);
    Tensor allValues = products.operand(v);
    List<Tensor> dk = new ArrayList<>();
    List<Tensor> dv = new ArrayList<>();
    for (int row = rows - 1; row >= 0; row--) {
      KeySums keySums = new KeySums(ops, products, tokens(ops, k, row * context, context), group);
      KeySums valueSums = new KeySums(ops, products, tokens(ops, v, row * context, context), group);
      Keys keys = new Keys(ops, products, allKeys, row);
      for (Block b : blocksOf(row).reversed()) {
        Weights weighting = weights(ops, products, q, allKeys, b);
        Tensor weights = products.operand(weighting.values());
        Tensor dyBlock = products.packedOperand(block(ops, dy, b), 1);
        Tensor values = byHead(ops, tokens(ops, allValues, b.row() + b.from(), b.keys()));
        Tensor dScores =
            products.operand(
                scoresBack(ops, products, products.product(values, dyBlock), weighting));
        products.productByTokenInto(keys.transposed(b), dScores, target(ops, dq, b), false);
        keySums.addSumOverQueries(weighting.queries(), dScores, b);
        valueSums.addSumOverQueries(dyBlock, weights, b);
      }
      dk.add(keySums.sum());
      dv.add(valueSums.sum());
    }
    Collections.reverse(dk);
    Collections.reverse(dv);
    if (isFast(products)) {
      dq = ops.scale(dq, scale);
    }
    return new Gradients(dq, Products.concat(ops, dk, 2), Products.concat(ops, dv, 2));
  }

  /// The attention weights of a block, and the capped scores they come from (null without a cap),
  /// both F32 `[keys, queries, heads]`, and the queries `[head size, queries, heads]` that were
  /// multiplied with the keys.
  private record Weights(Tensor values, Tensor capped, Tensor queries) {}

  /// @param k as [Products#operand]
  private Weights weights(Ops ops, Products products, Tensor q, Tensor k, Block b) {
    Tensor queries = products.packedOperand(block(ops, q, b), isFast(products) ? scale : 1);
    Tensor keys = byHead(ops, tokens(ops, k, b.row() + b.from(), b.keys()));
    if (isFast(products)) {
      Tensor scores = products.product(keys, queries);
      Tensor seen = part(ops, seenUntil, b.row() + b.from(), b.keys());
      return new Weights(products.softMax(scores, seen, b.from(), b.first()), null, queries);
    }
    Tensor scores = products.product(keys, queries);
    if (scoreCap == 0) {
      return new Weights(ops.softMax(scores, mask(ops, b), sinks, scale), null, queries);
    }
    Tensor capped = new Curves(ops).softCap(ops.scale(scores, scale), scoreCap);
    return new Weights(ops.softMax(capped, mask(ops, b), sinks, 1), capped, queries);
  }

  /// Whether the softmax is that of [Products#softMax], which has neither scale nor sinks: the
  /// queries are scaled instead.
  private boolean isFast(Products products) {
    return products.isFused() && scoreCap == 0 && sinks == null;
  }

  /// The gradient of the products of keys and queries.
  private Tensor scoresBack(Ops ops, Products products, Tensor dWeights, Weights weights) {
    if (isFast(products)) {
      return products.softMaxBack(dWeights, weights.values());
    }
    BackwardOps back = products.backwardOps();
    Tensor dScores = back.softMaxBack(dWeights, weights.values(), scoreCap == 0 ? scale : 1);
    return weights.capped() == null
        ? dScores
        : ops.scale(
            ops.mul(dScores, new Curves(ops).softCapSlope(weights.capped(), scoreCap)), scale);
  }

  /// `[keys, queries]`: 0 where the query sees the key, else -[#HIDDEN] or less. The indices are
  /// whole numbers, so a difference that is negative is at most -1.
  private Tensor mask(Ops ops, Block b) {
    Shape shape = Shape.of(b.keys(), b.queries());
    Tensor column =
        ops.reshape(part(ops, indices, b.first(), b.queries()), Shape.of(1, b.queries()));
    Tensor queries = ops.repeat(column, shape);
    Tensor keys = part(ops, indices, b.from(), b.keys());
    Tensor notYet = ops.clamp(ops.sub(queries, keys), -1, 0);
    Tensor ends = ops.repeat(part(ops, seenUntil, b.row() + b.from(), b.keys()), shape);
    Tensor noLonger = ops.clamp(ops.sub(ends, column), -1, 0);
    return ops.scale(ops.add(notYet, noLonger), HIDDEN);
  }

  private static Tensor part(Ops ops, Tensor vector, int first, int count) {
    return ops.view(vector, Shape.of(count), (long) first * Float.BYTES);
  }

  /// A run of tokens of `[head size, heads, t]`, without a copy.
  private static Tensor tokens(Ops ops, Tensor x, int first, int count) {
    return ops.view(x, Shape.of(x.shape().ne0(), x.shape().ne1(), count), first * x.stride(2));
  }

  /// A block's tokens of `[head size, heads, t]` seen as `[head size, queries, heads]`. Packed,
  /// products take heads that share keys as one with more queries.
  private static Tensor block(Ops ops, Tensor x, Block b) {
    return byHead(ops, tokens(ops, x, b.row() + b.first(), b.queries()));
  }

  /// `[head size, heads, t]` seen as `[head size, t, heads]`.
  private static Tensor byHead(Ops ops, Tensor x) {
    return ops.permute(x, 0, 2, 1, 3);
  }

  /// The keys or values of a row, seen or laid out so that products sum over tokens.
  private final class Keys {
    private final Ops ops;
    private final Tensor x;
    private final int row;

    /// `[context, head size, heads]`, or null where products take views.
    private final Tensor copy;

    Keys(Ops ops, Products products, Tensor x, int row) {
      this.ops = ops;
      this.x = x;
      this.row = row;
      copy = products.takesStrides() ? null : ops.cont(view(0, context));
    }

    private Tensor view(int from, int count) {
      return ops.permute(tokens(ops, x, row * context + from, count), 1, 2, 0, 3);
    }

    /// `[keys, head size, heads]` of the keys that a block reaches.
    Tensor transposed(Block b) {
      if (copy == null) {
        return view(b.from(), b.keys());
      }
      Shape shape = Shape.of(b.keys(), copy.shape().ne1(), copy.shape().ne2());
      return ops.view(copy, shape, (long) b.from() * Float.BYTES);
    }
  }

  /// Sums the gradients of a row's keys over its blocks, last block first. Each block reaches the
  /// keys up to its own end: the last one all of them, so its part has room for the sum, unless a
  /// window keeps it from the first ones.
  private static final class KeySums {
    private final Ops ops;
    private final Products products;
    private final Tensor like;
    private final int group;
    private Tensor sum;

    /// @param like in the shape of the sum: `[head size, key-value heads, context]`
    /// @param group heads that share keys
    KeySums(Ops ops, Products products, Tensor like, int group) {
      this.ops = ops;
      this.products = products;
      this.like = like;
      this.group = group;
    }

    /// Adds x `[head size, queries, heads]` times y `[keys, queries, heads]`, summed over queries
    /// and over the heads that share keys.
    void addSumOverQueries(Tensor x, Tensor y, Block b) {
      Tensor left = grouped(x);
      Tensor right = grouped(y);
      if (sum == null && b.from() == 0) {
        sum = products.productByToken(left, right);
        ops.schedule(sum);
        return;
      }
      if (sum == null) {
        sum = room(ops, like);
        ops.schedule(sum);
      }
      products.productByTokenInto(left, right, tokens(ops, sum, b.from(), b.keys()), true);
    }

    /// `[n, queries, heads]` as `[queries · group, n, key-value heads]`.
    private Tensor grouped(Tensor x) {
      Shape s = x.shape();
      Tensor packed = ops.reshape(x, Shape.of(s.ne0(), s.ne1() * group, s.ne2() / group));
      Tensor transpose = ops.transpose(packed);
      return products.takesStrides() ? transpose : ops.cont(transpose);
    }

    /// `[head size, key-value heads, context]`.
    Tensor sum() {
      return sum;
    }
  }
}
