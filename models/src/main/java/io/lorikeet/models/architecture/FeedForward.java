package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Activation;
import io.lorikeet.models.family.ModelConfig;

/// The feed-forward part of a layer (`build_ffn` in llama.cpp): down(act(gate(x)) · up(x)).
final class FeedForward {
  /// gpt-oss's constants (`LLM_FFN_SWIGLU_OAI_MOE`).
  private static final float STEEPNESS = 1.702f;

  private static final float LIMIT = 7;

  private final ModelConfig config;
  private final GraphInputs inputs;
  private final String prefix;
  private final String suffix;

  /// @param suffix of the tensors' names: empty, or `_shexp` for the part that all tokens share
  ///     beside their experts
  FeedForward(ModelConfig config, GraphInputs inputs, String prefix, String suffix) {
    this.config = config;
    this.inputs = inputs;
    this.prefix = prefix;
    this.suffix = suffix;
  }

  /// @param x `[embedding, t]`
  /// @param firstToken index of x's first token in the batch
  Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor up = linear(tape, "ffn_up", x, firstToken);
    Tensor joined;
    if (inputs.weight(prefix, "ffn_gate" + suffix + ".weight") == null) {
      int width = Math.toIntExact(up.shape().ne0() / 2);
      joined = joined(tape, tape.slice(up, 0, width), tape.slice(up, width, width));
    } else {
      joined = joined(tape, linear(tape, "ffn_gate", x, firstToken), up);
    }
    return linear(tape, "ffn_down", joined, firstToken);
  }

  private Tensor joined(Tape tape, Tensor gate, Tensor up) {
    return joined(tape, config.activation(), gate, up);
  }

  static Tensor joined(Tape tape, Activation activation, Tensor gate, Tensor up) {
    return switch (activation) {
      case SILU -> tape.swiglu(gate, up);
      case GELU -> tape.geglu(gate, up);
      case CLAMPED_SILU -> tape.clampedSwiglu(gate, up, STEEPNESS, LIMIT);
    };
  }

  private Tensor linear(Tape tape, String name, Tensor x, int firstToken) {
    return inputs.linear(prefix, name + suffix).apply(tape, x, firstToken);
  }
}
