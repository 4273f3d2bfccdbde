package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Rotary position embedding in a graph.
public final class RopeOps {
  private final Ops ops;

  public RopeOps(Ops ops) {
    this.ops = ops;
  }

  /// Rotates x `[head size, heads, tokens]` by the I32 positions `[tokens]`.
  ///
  /// @param factors divisors of the frequencies, F32 `[at least dimensions / 2]`, or null
  public Tensor rope(Tensor x, Tensor positions, @Nullable Tensor factors, RopeParameters p) {
    requireRope("rope", x, positions, factors, p);
    return ops.made(
        Ggml.ggml_rope_ext(
            ops.context(),
            x.handle(),
            positions.handle(),
            factors == null ? MemorySegment.NULL : factors.handle(),
            p.dimensions(),
            p.mode(),
            p.originalContext(),
            p.frequencyBase(),
            p.frequencyScale(),
            p.extrapolation(),
            p.magnitude(),
            p.betaFast(),
            p.betaSlow()));
  }

  /// The gradient of x where dy is that of [#rope].
  public Tensor back(Tensor dy, Tensor positions, @Nullable Tensor factors, RopeParameters p) {
    requireRope("rope_back", dy, positions, factors, p);
    return ops.made(
        Ggml.ggml_rope_ext_back(
            ops.context(),
            dy.handle(),
            positions.handle(),
            factors == null ? MemorySegment.NULL : factors.handle(),
            p.dimensions(),
            p.mode(),
            p.originalContext(),
            p.frequencyBase(),
            p.frequencyScale(),
            p.extrapolation(),
            p.magnitude(),
            p.betaFast(),
            p.betaSlow()));
  }

  private void requireRope(
      String operation, Tensor x, Tensor positions, @Nullable Tensor factors, RopeParameters p) {
    ops.requireF32(operation, x);
    ops.require(
        positions.type() == TensorType.I32
            && positions.shape().ne0() == x.shape().ne2()
            && positions.shape().rows() == 1
            && p.dimensions() > 0
            && p.dimensions() <= x.shape().ne0()
            && p.dimensions() % 2 == 0
            && (p.mode() == 0 || p.mode() == 2)
            && Ops.hasDenseRows(x),
        operation,
        x,
        positions);
    if (factors != null) {
      ops.requireF32(operation, factors);
      ops.require(factors.shape().ne0() >= p.dimensions() / 2, operation, x, factors);
    }
  }
}
