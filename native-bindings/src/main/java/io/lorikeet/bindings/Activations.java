package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.function.BinaryOperator;

/// Element-wise non-linear functions in a graph, F32 and contiguous.
public final class Activations {
  private final Ops ops;

  public Activations(Ops ops) {
    this.ops = ops;
  }

  public Tensor tanh(Tensor x) {
    return unary("tanh", Ggml::ggml_tanh, x);
  }

  /// 1 / (1 + e^-x).
  public Tensor sigmoid(Tensor x) {
    return unary("sigmoid", Ggml::ggml_sigmoid, x);
  }

  /// e^x.
  public Tensor exp(Tensor x) {
    return unary("exp", Ggml::ggml_exp, x);
  }

  /// ln(1 + e^x).
  public Tensor softplus(Tensor x) {
    return unary("softplus", Ggml::ggml_softplus, x);
  }

  /// x where x > 0, else 0.
  public Tensor relu(Tensor x) {
    return unary("relu", Ggml::ggml_relu, x);
  }

  /// 1 where x > 0, else 0.
  public Tensor step(Tensor x) {
    return unary("step", Ggml::ggml_step, x);
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

  private Tensor unary(String name, BinaryOperator<MemorySegment> operation, Tensor x) {
    ops.requireContiguousF32(name, x);
    return ops.made(operation.apply(ops.context(), x.handle()));
  }
}
