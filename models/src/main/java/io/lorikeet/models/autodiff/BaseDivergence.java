package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;

/// The Kullback-Leibler divergence of a model from its base for each token, `Σ q[v] · (log q[v] -
/// log p[v])` with q = softmax(base) and p = softmax(logits), in nats, and its gradient by the
/// logits, `p - q`. Where both are the same bits, so are both exactly 0.
///
/// @param base the base's logits `[vocabulary, t]`, contiguous
/// @param weights `[t]`: of each token in the gradient
public record BaseDivergence(Tensor base, Tensor weights) {

  /// Schedules it. Distances to the largest logit are compared instead of logarithms of
  /// probabilities, the smallest of which have none.
  ///
  /// @param logits `[vocabulary, t]`, contiguous
  public Kernels.Loss build(Ops ops, Tensor logits) {
    Shape row = Shape.of(1, weights.shape().ne0());
    Tensor wanted = ops.softMax(base, null, 1);
    Tensor given = ops.softMax(logits, null, 1);
    Largest ofBase = Largest.of(ops, base, wanted, row);
    Largest ofModel = Largest.of(ops, logits, given, row);
    Tensor apart = ops.sub(ops.sub(base, ofBase.logit()), ops.sub(logits, ofModel.logit()));
    Tensor mean = ops.sumRows(ops.mul(apart, wanted));
    Tensor losses = ops.add(mean, ops.sub(ofBase.logProbability(), ofModel.logProbability()));
    ops.schedule(losses);
    Tensor difference = ops.sub(given, wanted);
    return new Kernels.Loss(
        ops.reshape(losses, weights.shape()), ops.mul(difference, ops.reshape(weights, row)));
  }

  /// The likeliest entry of each token, `[1, t]`.
  private record Largest(Tensor logit, Tensor logProbability) {
    static Largest of(Ops ops, Tensor logits, Tensor probabilities, Shape row) {
      Tensor best = ops.reshape(ops.argmax(logits), row);
      Tensor logit = DistributionLoss.pick(ops, logits, best);
      Tensor probability = DistributionLoss.pick(ops, probabilities, best);
      return new Largest(ops.reshape(logit, row), ops.log(ops.reshape(probability, row)));
    }
  }
}
