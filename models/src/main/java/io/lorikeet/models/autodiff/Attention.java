package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.AttentionKernel;
import io.lorikeet.bindings.AttentionKernel.Block;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

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
/// @param mask F32 `[context · context · rows]`: [AttentionMask] of each row, where blocks are as
///     long as rows; null where each block's is to be computed
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
    @Nullable Tensor mask,
    int window,
    float scoreCap,
    @Nullable Tensor sinks) {
  /// A block's keys begin at a multiple of this many, where devices like views to begin.
  private static final int ALIGNMENT = 64;

  /// Gradients of the inputs, in their shapes.
  record Gradients(Tensor q, Tensor k, Tensor v) {}

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
  ///
  /// @param place where the result is written; null for memory of the graph's own
  Tensor forward(Ops ops, Kernels kernels, Tensor q, Tensor k, Tensor v, @Nullable Tensor place) {
    AttentionKernel kernel = kernel(kernels);
    Tensor outputs = place == null ? room(ops, q) : place;
    Tensor allKeys = kernels.operand(k);
    Tensor allValues = kernels.operand(v);
    for (int row = 0; row < rows; row++) {
      Keys values = new Keys(ops, kernels, allValues, row);
      for (Block b : blocksOf(row)) {
        Tensor scores = scores(ops, kernels, allKeys, queries(ops, kernels, kernel, q, b), b);
        Tensor weights = kernels.operand(kernel.weights(scores, b).values());
        kernels.productByTokenInto(values.transposed(b), weights, target(ops, outputs, b), false);
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
  Gradients backward(Ops ops, Kernels kernels, Tensor q, Tensor k, Tensor v, Tensor dy) {
    AttentionKernel kernel = kernel(kernels);
    int group = Math.toIntExact(q.shape().ne1() / k.shape().ne1());
    Tensor dq = room(ops, q);
    Tensor allKeys = kernels.operand(k);
    Tensor allValues = kernels.operand(v);
    List<Tensor> dk = new ArrayList<>();
    List<Tensor> dv = new ArrayList<>();
    for (int row = rows - 1; row >= 0; row--) {
      KeySums keySums = new KeySums(ops, kernels, tokens(ops, k, row * context, context), group);
      KeySums valueSums = new KeySums(ops, kernels, tokens(ops, v, row * context, context), group);
      Keys keys = new Keys(ops, kernels, allKeys, row);
      for (Block b : blocksOf(row).reversed()) {
        Tensor queries = queries(ops, kernels, kernel, q, b);
        Tensor scores = scores(ops, kernels, allKeys, queries, b);
        AttentionKernel.Weights weighting = kernel.weights(scores, b);
        Tensor weights = kernels.operand(weighting.values());
        Tensor dyBlock = kernels.packedOperand(block(ops, dy, b), 1);
        Tensor values = byHead(ops, tokens(ops, allValues, b.row() + b.from(), b.keys()));
        Tensor dWeights = kernels.product(values, dyBlock);
        Tensor dScores = kernels.operand(kernel.scoresBack(dWeights, weighting));
        kernels.productByTokenInto(keys.transposed(b), dScores, target(ops, dq, b), false);
        keySums.addSumOverQueries(queries, dScores, b);
        valueSums.addSumOverQueries(dyBlock, weights, b);
      }
      dk.add(keySums.sum());
      dv.add(valueSums.sum());
    }
    Collections.reverse(dk);
    Collections.reverse(dv);
    if (kernel.queryFactor() != 1) {
      dq = ops.scale(dq, kernel.queryFactor());
    }
    return new Gradients(dq, Joining.concat(ops, dk, 2), Joining.concat(ops, dv, 2));
  }

  private AttentionKernel kernel(Kernels kernels) {
    return kernels.attention(
        new AttentionKernel.AttentionForm(indices, seenUntil, mask, scale, scoreCap, sinks));
  }

  /// A block's queries, packed for products: `[head size, queries, heads]`.
  private Tensor queries(Ops ops, Kernels kernels, AttentionKernel kernel, Tensor q, Block b) {
    return kernels.packedOperand(block(ops, q, b), kernel.queryFactor());
  }

  /// The products of a block's keys and queries: `[keys, queries, heads]`.
  ///
  /// @param k as [Kernels#operand]
  private Tensor scores(Ops ops, Kernels kernels, Tensor k, Tensor queries, Block b) {
    return kernels.product(byHead(ops, tokens(ops, k, b.row() + b.from(), b.keys())), queries);
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
    private final @Nullable Tensor copy;

    Keys(Ops ops, Kernels kernels, Tensor x, int row) {
      this.ops = ops;
      this.x = x;
      this.row = row;
      copy = kernels.takesStrides() ? null : ops.cont(view(0, context));
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
    private final Kernels kernels;
    private final Tensor like;
    private final int group;
    private @Nullable Tensor sum;

    /// @param like in the shape of the sum: `[head size, key-value heads, context]`
    /// @param group heads that share keys
    KeySums(Ops ops, Kernels kernels, Tensor like, int group) {
      this.ops = ops;
      this.kernels = kernels;
      this.like = like;
      this.group = group;
    }

    /// Adds x `[head size, queries, heads]` times y `[keys, queries, heads]`, summed over queries
    /// and over the heads that share keys.
    void addSumOverQueries(Tensor x, Tensor y, Block b) {
      Tensor left = grouped(x);
      Tensor right = grouped(y);
      if (sum == null && b.from() == 0) {
        sum = kernels.productByToken(left, right);
        ops.schedule(sum);
        return;
      }
      if (sum == null) {
        sum = room(ops, like);
        ops.schedule(sum);
      }
      kernels.productByTokenInto(left, right, tokens(ops, sum, b.from(), b.keys()), true);
    }

    /// `[n, queries, heads]` as `[queries · group, n, key-value heads]`.
    private Tensor grouped(Tensor x) {
      Shape s = x.shape();
      Tensor packed = ops.reshape(x, Shape.of(s.ne0(), s.ne1() * group, s.ne2() / group));
      Tensor transpose = ops.transpose(packed);
      return kernels.takesStrides() ? transpose : ops.cont(transpose);
    }

    /// `[head size, key-value heads, context]`.
    Tensor sum() {
      return Objects.requireNonNull(sum, "a row has a block");
    }
  }
}
