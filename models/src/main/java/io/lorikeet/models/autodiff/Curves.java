package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Activations;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;

/// Curves that elements go through, and their slopes, for which ggml has no operation.
final class Curves {
  private static final float ROOT = (float) Math.sqrt(2 / Math.PI);
  private static final float CUBE = 0.044715f;

  private final Ops ops;
  private final Activations activations;

  Curves(Ops ops) {
    this.ops = ops;
    activations = new Activations(ops);
  }

  /// The gradients of a gate and of what it gates, for a dy of 1.
  record GatedPair(Tensor gate, Tensor up) {}

  Activations activations() {
    return activations;
  }

  /// cap · tanh(x / cap).
  Tensor softCap(Tensor x, float cap) {
    return ops.scale(activations.tanh(ops.scale(x, 1 / cap)), cap);
  }

  /// 1 - (y / cap)², the slope where y = softCap(x).
  Tensor softCapSlope(Tensor y, float cap) {
    return ops.scaleAndAdd(ops.square(y), -1 / (cap * cap), 1);
  }

  /// gelu(gate) · up.
  ///
  /// @param exact not by the table of F16 that the CPU has, whose steps differences would see
  Tensor geglu(Tensor gate, Tensor up, boolean exact) {
    return exact ? ops.mul(gelu(gate), up) : activations.geglu(gate, up);
  }

  /// ½ x (1 + t), with t as in [#geluTanh].
  Tensor gelu(Tensor x) {
    return ops.mul(x, ops.scaleAndAdd(geluTanh(x), 0.5f, 0.5f));
  }

  /// t = tanh(√(2/π) (x + 0.044715 x³)).
  private Tensor geluTanh(Tensor x) {
    Tensor inner = ops.mul(x, ops.scaleAndAdd(ops.square(x), ROOT * CUBE, ROOT));
    return activations.tanh(inner);
  }

  /// ½ (1 + t) + ½ x (1 - t²) √(2/π) (1 + 3 · 0.044715 x²).
  Tensor geluSlope(Tensor x) {
    Tensor t = geluTanh(x);
    Tensor steep = ops.scaleAndAdd(ops.square(t), -0.5f, 0.5f);
    Tensor inner = ops.mul(x, ops.scaleAndAdd(ops.square(x), 3 * ROOT * CUBE, ROOT));
    return ops.add(ops.scaleAndAdd(t, 0.5f, 0.5f), ops.mul(steep, inner));
  }

  /// relu(x - m - d · s) for the mean m and the deviation s of each row (`gaussian_topk` in
  /// llama.cpp's `src/models/gemma3n.cpp`).
  Tensor peaks(Tensor x, float deviations) {
    Tensor aside = aside(x);
    Tensor limit = ops.scale(deviation(aside), deviations);
    return activations.relu(ops.sub(aside, limit));
  }

  /// The gradient of x, given that of `y = peaks(x)`. With g = dy where y > 0, and its sum G over a
  /// row: g - G / n - G · d · (x - m) / ((n - 1) · s).
  Tensor peaksBack(Tensor dy, Tensor x, Tensor y, float deviations) {
    long n = x.shape().ne0();
    Tensor aside = aside(x);
    Tensor g = ops.mul(activations.step(y), dy);
    Tensor sum = ops.sumRows(g);
    Tensor ofDeviation = ops.scale(ops.div(sum, deviation(aside)), deviations / (n - 1));
    return ops.sub(ops.sub(g, ops.scale(sum, 1f / n)), ops.mul(aside, ofDeviation));
  }

  /// x less the mean of its row.
  private Tensor aside(Tensor x) {
    return ops.sub(x, ops.scale(ops.sumRows(x), 1f / x.shape().ne0()));
  }

  /// The deviation of each row of a sample whose mean is 0.
  private Tensor deviation(Tensor x) {
    long n = x.shape().ne0();
    return ops.squareRoot(ops.scale(ops.sumRows(ops.square(x)), 1f / (n - 1)));
  }

  /// The slopes of [Activations#clampedSwiglu]: none beyond the limits.
  GatedPair clampedSwigluSlopes(Tensor gate, Tensor up, float alpha, float limit) {
    Tensor g = clamped(gate, -Float.MAX_VALUE, limit);
    Tensor u = ops.scaleAndAdd(clamped(up, -limit, limit), 1, 1);
    Tensor s = activations.sigmoid(ops.scale(g, alpha));
    Tensor swish = ops.mul(g, s);
    // d(g s) = s + alpha g s (1 - s)
    Tensor slope = ops.add(s, ops.scale(ops.mul(swish, ops.scaleAndAdd(s, -1, 1)), alpha));
    Tensor gateBelow = activations.step(ops.scaleAndAdd(gate, -1, limit));
    Tensor upWithin =
        ops.mul(
            activations.step(ops.scaleAndAdd(up, -1, limit)),
            activations.step(ops.scaleAndAdd(up, 1, limit)));
    return new GatedPair(ops.mul(ops.mul(slope, u), gateBelow), ops.mul(swish, upWithin));
  }

  /// [Ops#clamp] works in place, so it gets a copy.
  private Tensor clamped(Tensor x, float low, float high) {
    return ops.clamp(ops.scale(x, 1), low, high);
  }
}
