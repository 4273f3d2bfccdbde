package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;

/// Element-wise non-linear functions in a graph, F32 and contiguous.
public final class Activations {
  private final Ops ops;

  public Activations(Ops ops) {
    this.ops = ops;
  }

  public Tensor tanh(Tensor x) {
    ops.requireContiguousF32("tanh", x);
    return ops.made(Ggml.ggml_tanh(ops.context(), x.handle()));
  }

  /// 1 / (1 + e^-x).
  public Tensor sigmoid(Tensor x) {
    ops.requireContiguousF32("sigmoid", x);
    return ops.made(Ggml.ggml_sigmoid(ops.context(), x.handle()));
  }

  /// e^x.
  public Tensor exp(Tensor x) {
    ops.requireContiguousF32("exp", x);
    return ops.made(Ggml.ggml_exp(ops.context(), x.handle()));
  }

  /// ln(1 + e^x).
  public Tensor softplus(Tensor x) {
    ops.requireContiguousF32("softplus", x);
    return ops.made(Ggml.ggml_softplus(ops.context(), x.handle()));
  }

  /// x where x > 0, else 0.
  public Tensor relu(Tensor x) {
    ops.requireContiguousF32("relu", x);
    return ops.made(Ggml.ggml_relu(ops.context(), x.handle()));
  }

  /// 1 where x > 0, else 0.
  public Tensor step(Tensor x) {
    ops.requireContiguousF32("step", x);
    return ops.made(Ggml.ggml_step(ops.context(), x.handle()));
  }

  /// gelu(gate) · up, by the tanh approximation. The CPU looks GELU up in a table of F16.
  public Tensor geglu(Tensor gate, Tensor up) {
    ops.requireContiguousF32("geglu", gate, up);
    ops.requireSameShape("geglu", gate, up);
    return ops.made(Ggml.ggml_geglu_split(ops.context(), gate.handle(), up.handle()));
  }

  /// gpt-oss's gating: x · sigmoid(alpha · x) · (y + 1), where x is the gate, at most `limit`, and
  /// y is `up` between -limit and limit.
  public Tensor clampedSwiglu(Tensor gate, Tensor up, float alpha, float limit) {
    ops.requireContiguousF32("swiglu_oai", gate, up);
    ops.requireSameShape("swiglu_oai", gate, up);
    return ops.made(Ggml.ggml_swiglu_oai(ops.context(), gate.handle(), up.handle(), alpha, limit));
  }
}
