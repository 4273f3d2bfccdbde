package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;

/// Cross-entropy with a distribution q for each token, `Σ q[v] · -log softmax(logits)[v]`, and its
/// gradient. q gives every entry of the vocabulary the same probability, `rest`, and some of them
/// an excess over it.
///
/// @param listed I32 `[k · t]`: where those k entries of each token stand in the logits as one long
///     vector
/// @param excess `[k · t]`
/// @param rest `[t]`
/// @param weights `[t]`: of each token in the gradient
public record DistributionLoss(Tensor listed, Tensor excess, Tensor rest, Tensor weights) {

  /// Schedules it. Distances to the largest logit are summed instead of logits: they don't cancel
  /// each other.
  ///
  /// @param logits `[vocabulary, t]`, contiguous
  public Kernels.Loss build(Ops ops, Tensor logits) {
    long tokens = weights.shape().ne0();
    Shape row = Shape.of(1, tokens);
    Shape byToken = Shape.of(listed.shape().ne0() / tokens, tokens);
    Tensor best = ops.reshape(ops.argmax(logits), row);
    Tensor largest = ops.reshape(pick(ops, logits, best), row);
    Tensor above = ops.reshape(excess, byToken);
    Tensor floor = ops.reshape(rest, row);
    float vocabulary = logits.shape().ne0();

    Tensor picked = ops.reshape(ops.getRows(flat(ops, logits), listed), byToken);
    Tensor ofListed = ops.sumRows(ops.mul(above, ops.sub(picked, largest)));
    Tensor ofAll = ops.sub(ops.sumRows(logits), ops.scale(largest, vocabulary));
    Tensor mass = ops.add(ops.sumRows(above), ops.scale(floor, vocabulary));
    Tensor probabilities = ops.softMax(logits, null, 1);
    Tensor logLargest = ops.log(ops.reshape(pick(ops, probabilities, best), row));
    Tensor negative = ops.add(ops.add(ofListed, ops.mul(ofAll, floor)), ops.mul(logLargest, mass));
    Tensor losses = ops.scale(negative, -1);
    ops.schedule(losses);

    Tensor fromRest = ops.sub(ops.mul(probabilities, mass), floor);
    Tensor all = flat(ops, fromRest);
    Shape each = Shape.of(1, listed.shape().ne0());
    Tensor fromListed = ops.sub(ops.getRows(all, listed), ops.reshape(excess, each));
    Tensor difference = ops.reshape(ops.setRows(all, fromListed, listed), logits.shape());
    return new Kernels.Loss(
        ops.reshape(losses, weights.shape()), ops.mul(difference, ops.reshape(weights, row)));
  }

  private static Tensor flat(Ops ops, Tensor x) {
    return ops.reshape(x, Shape.of(1, x.shape().elements()));
  }

  /// The element of each row of x `[n, t]` that index `[1, t]` names, `[1, 1, t]`.
  static Tensor pick(Ops ops, Tensor x, Tensor index) {
    return ops.getRows(ops.reshape(x, Shape.of(1, x.shape().ne0(), x.shape().ne1())), index);
  }
}
