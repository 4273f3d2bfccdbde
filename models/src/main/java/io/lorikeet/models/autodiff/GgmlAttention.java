package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.AttentionKernel;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;

/// Attention weights by ggml's softmax, with a mask that is computed for each block.
final class GgmlAttention implements AttentionKernel {
  /// Added to hidden scores for every place they are out of sight; far below any score, and finite,
  /// since infinity minus infinity would be no number.
  private static final float HIDDEN = 1e9f;

  private final Ops ops;
  private final BackwardOps backwardOps;
  private final Curves curves;
  private final AttentionForm form;

  GgmlAttention(Ops ops, BackwardOps backwardOps, AttentionForm form) {
    this.ops = ops;
    this.backwardOps = backwardOps;
    curves = new Curves(ops);
    this.form = form;
  }

  /// The softmax scales the scores.
  @Override
  public float queryFactor() {
    return 1;
  }

  @Override
  public Weights weights(Tensor scores, Block block) {
    Tensor mask = mask(block);
    if (form.scoreCap() == 0) {
      return new Weights(ops.softMax(scores, mask, form.sinks(), form.scale()), null);
    }
    Tensor capped = curves.softCap(ops.scale(scores, form.scale()), form.scoreCap());
    return new Weights(ops.softMax(capped, mask, form.sinks(), 1), capped);
  }

  @Override
  public Tensor scoresBack(Tensor dWeights, Weights weights) {
    Tensor capped = weights.capped();
    if (capped == null) {
      return backwardOps.softMaxBack(dWeights, weights.values(), form.scale());
    }
    Tensor dCapped = backwardOps.softMaxBack(dWeights, weights.values(), 1);
    Tensor slope = curves.softCapSlope(capped, form.scoreCap());
    return ops.scale(ops.mul(dCapped, slope), form.scale());
  }

  /// `[keys, queries]`: 0 where the query sees the key, else -[#HIDDEN] or less. The indices are
  /// whole numbers, so a difference that is negative is at most -1.
  private Tensor mask(Block b) {
    Shape shape = Shape.of(b.keys(), b.queries());
    Tensor column =
        ops.reshape(part(form.indices(), b.first(), b.queries()), Shape.of(1, b.queries()));
    Tensor queries = ops.repeat(column, shape);
    Tensor keys = part(form.indices(), b.from(), b.keys());
    Tensor notYet = ops.clamp(ops.sub(queries, keys), -1, 0);
    Tensor ends = ops.repeat(part(form.seenUntil(), b.row() + b.from(), b.keys()), shape);
    Tensor noLonger = ops.clamp(ops.sub(ends, column), -1, 0);
    return ops.scale(ops.add(notYet, noLonger), HIDDEN);
  }

  private Tensor part(Tensor vector, int first, int count) {
    return ops.view(vector, Shape.of(count), (long) first * Float.BYTES);
  }
}
