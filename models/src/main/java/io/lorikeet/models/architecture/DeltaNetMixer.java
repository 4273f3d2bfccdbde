package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.CausalConvolution;
import io.lorikeet.models.autodiff.DeltaNet;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.DeltaNetConfig;

/// A gated delta net between its projections (`build_layer_attn_linear` in llama.cpp's
/// `src/models/qwen35.cpp`).
final class DeltaNetMixer implements Mixer {
  private final DeltaNetConfig config;
  private final LayerTensors tensors;
  private final CausalConvolution convolution;
  private final DeltaNet net;

  DeltaNetMixer(Engine engine, LayerTensors tensors, DeltaNetConfig config) {
    this.config = config;
    this.tensors = tensors;
    convolution = tensors.convolution(engine.shape(), "ssm_conv1d.weight");
    net = tensors.states(engine.shape(), config.grouped());
  }

  @Override
  public String name() {
    return "delta net";
  }

  @Override
  public Tensor apply(Tape tape, Tensor x) {
    Tensor mixed = tape.silu(tape.convolution(linear(tape, "attn_qkv", x), convolution));
    Tensor z = linear(tape, "attn_gate", x);
    Gates gates = gates(tape, x);
    Tensor beta = tape.sigmoid(gates.beta());
    Tensor alpha = tape.addBias(gates.alpha(), tensors.weight("ssm_dt.bias"));
    Tensor decay = tape.mask(tape.softplus(alpha), tensors.weight("ssm_a"));
    int keys = config.keyWidth();
    float unit = (float) (1 / Math.sqrt(config.headSize()));
    Tensor q = unitHeads(tape, tape.slice(mixed, 0, keys), unit * unit);
    Tensor k = unitHeads(tape, tape.slice(mixed, keys, keys), unit);
    Tensor v = heads(tape, tape.slice(mixed, 2 * keys, config.valueWidth()), config.valueHeads());
    Tensor read = tape.gatedDelta(new DeltaNet.Inputs(q, k, v, decay, beta), net);
    Tensor flat = tape.reshape(tensors.norm(tape, "ssm_norm.weight", read), z.shape());
    return linear(tape, "ssm_out", tape.swiglu(z, flat));
  }

  /// Numbers of each value head, `[value heads, t]`, before their functions.
  private record Gates(Tensor beta, Tensor alpha) {}

  private Gates gates(Tape tape, Tensor x) {
    if (!tensors.has("ssm_ba.weight")) {
      return new Gates(linear(tape, "ssm_beta", x), linear(tape, "ssm_alpha", x));
    }
    Tensor both = linear(tape, "ssm_ba", x); // by key head
    int heads = config.keyHeads();
    return new Gates(
        AttentionMixer.half(tape, both, heads, 0), AttentionMixer.half(tape, both, heads, 1));
  }

  /// Heads of x `[width, t]`, each over its root mean square and times a factor: with one over the
  /// root of a head's size they have length 1.
  private Tensor unitHeads(Tape tape, Tensor x, float factor) {
    float epsilon = tensors.epsilon() / config.headSize();
    return tape.scale(tape.rmsNorm(heads(tape, x, config.keyHeads()), null, epsilon), factor);
  }

  private Tensor heads(Tape tape, Tensor x, int heads) {
    return tape.reshape(x, Shape.of(config.headSize(), heads, x.shape().ne1()));
  }

  private Tensor linear(Tape tape, String name, Tensor x) {
    return tensors.linear(tape, name, x, 0);
  }
}
