package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.AttentionKernel;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;

/// Attention weights by ggml's softmax, with a mask that is computed for each block, or once for
/// all layers.
final class GgmlAttention implements AttentionKernel {
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

  private Tensor mask(Block b) {
    Tensor all = form.mask();
    if (all == null) {
      return AttentionMask.of(ops, form.indices(), form.seenUntil(), b);
    }
    Shape shape = Shape.of(b.keys(), b.queries());
    long offset = (long) b.row() * b.keys() * Float.BYTES;
    return ops.reshape(ops.view(all, Shape.of(shape.elements()), offset), shape);
  }
}
