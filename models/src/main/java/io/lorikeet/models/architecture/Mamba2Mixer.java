package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.CausalConvolution;
import io.lorikeet.models.autodiff.DeltaNet;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Mamba2Config;

/// A state space between its projections (`build_mamba2_layer` in llama.cpp's
/// `src/models/mamba-base.cpp`). Each head's state S forgets and takes in at each token: S ←
/// e^(a·dt) · S + B · (dt · x)ᵀ. The token's result is Sᵀ C + d · x, behind a gate.
final class Mamba2Mixer implements Mixer {
  private final Mamba2Config config;
  private final LayerTensors tensors;
  private final CausalConvolution convolution;
  private final DeltaNet states;

  Mamba2Mixer(Engine engine, LayerTensors tensors, Mamba2Config config) {
    this.config = config;
    this.tensors = tensors;
    convolution = tensors.convolution(engine.shape(), "ssm_conv1d.weight");
    states = tensors.states(engine.shape(), true);
  }

  @Override
  public String name() {
    return "state space";
  }

  @Override
  public Tensor apply(Tape tape, Tensor hidden) {
    long tokens = hidden.shape().ne1();
    int width = config.width();
    Tensor all = tensors.linear(tape, "ssm_in", hidden, 0);
    Tensor gate = tape.slice(all, 0, width);
    Tensor convolved = tape.convolution(tape.slice(all, width, config.convolved()), convolution);
    Tensor mixed = tape.silu(tape.addBias(convolved, tensors.weight("ssm_conv1d.bias")));
    Tensor steps = tape.slice(all, width + config.convolved(), config.heads());
    Tensor dt = tape.softplus(tape.addBias(steps, tensors.weight("ssm_dt.bias")));
    Shape heads = Shape.of(config.headSize(), config.heads(), tokens);
    Shape groups = Shape.of(config.stateSize(), config.groups(), tokens);
    int group = config.groupWidth();
    Tensor x = tape.reshape(tape.slice(mixed, 0, width), heads);
    Tensor b = tape.reshape(tape.slice(mixed, width, group), groups);
    Tensor c = tape.reshape(tape.slice(mixed, width + group, group), groups);
    Tensor decay = tape.mask(dt, flat(tape, "ssm_a"));
    Tensor taken = tape.multiply(x, tape.reshape(dt, Shape.of(1, config.heads(), tokens)));
    Tensor read = tape.gatedDelta(new DeltaNet.Inputs(c, b, taken, decay, null), states);
    Tensor y = tape.add(read, tape.mask(x, tensors.weight("ssm_d")));
    Tensor gated = tape.swiglu(gate, tape.reshape(y, gate.shape()));
    return tensors.linear(tape, "ssm_out", normed(tape, gated), 0);
  }

  /// The heads of each group over their root mean square, with a gain of their own, where the base
  /// has this norm.
  private Tensor normed(Tape tape, Tensor x) {
    if (!tensors.has("ssm_norm.weight")) {
      return x;
    }
    Shape groups = Shape.of(config.width() / config.groups(), config.groups(), x.shape().ne1());
    Tensor apart = tape.rmsNorm(tape.reshape(x, groups), null, tensors.epsilon());
    return tape.reshape(tape.mask(apart, tensors.weight("ssm_norm.weight")), x.shape());
  }

  /// A tensor `[1, heads]` as `[heads]`.
  private Tensor flat(Tape tape, String name) {
    return tape.ops().reshape(tensors.weight(name), Shape.of(config.heads()));
  }
}
