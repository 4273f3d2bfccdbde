package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Activation;

/// The feed-forward part of a layer (`build_ffn` in llama.cpp): down(act(gate(x)) · up(x)).
final class FeedForward {
  /// gpt-oss's constants (`LLM_FFN_SWIGLU_OAI_MOE`).
  private static final float STEEPNESS = 1.702f;

  private static final float LIMIT = 7;

  private final Activation activation;
  private final LayerTensors tensors;
  private final String suffix;

  /// @param suffix of the tensors' names: empty, or `_shexp` for the part that all tokens share
  ///     beside their experts
  FeedForward(Activation activation, LayerTensors tensors, String suffix) {
    this.activation = activation;
    this.tensors = tensors;
    this.suffix = suffix;
  }

  /// @param x `[embedding, t]`
  /// @param firstToken index of x's first token in the batch
  Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor up = linear(tape, "ffn_up", x, firstToken);
    Tensor joined;
    if (!tensors.has("ffn_gate" + suffix + ".weight")) {
      int width = Math.toIntExact(up.shape().ne0() / 2);
      joined = joined(tape, activation, tape.slice(up, 0, width), tape.slice(up, width, width));
    } else {
      joined = joined(tape, activation, linear(tape, "ffn_gate", x, firstToken), up);
    }
    return linear(tape, "ffn_down", joined, firstToken);
  }

  static Tensor joined(Tape tape, Activation activation, Tensor gate, Tensor up) {
    return switch (activation) {
      case SILU -> tape.swiglu(gate, up);
      case GELU -> tape.geglu(gate, up);
      case CLAMPED_SILU -> tape.clampedSwiglu(gate, up, STEEPNESS, LIMIT);
    };
  }

  private Tensor linear(Tape tape, String name, Tensor x, int firstToken) {
    return tensors.linear(tape, name + suffix, x, firstToken);
  }
}
