package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.AttentionKernel.Block;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;

/// The sum that hides keys from queries, for ggml's softmax.
public final class AttentionMask {
  /// Added to hidden scores for every place they are out of sight; far below any score, and finite,
  /// since infinity minus infinity would be no number.
  private static final float HIDDEN = 1e9f;

  private AttentionMask() {}

  /// `[keys, queries]`: 0 where the query sees the key, else -[#HIDDEN] or less. The indices are
  /// whole numbers, so a difference that is negative is at most -1.
  ///
  /// @param indices F32 `[context]`: 0, 1, 2, …
  /// @param seenUntil F32 `[rows · context]`: index within its row of the last query that sees each
  ///     key
  public static Tensor of(Ops ops, Tensor indices, Tensor seenUntil, Block b) {
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
}
