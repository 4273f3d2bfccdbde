package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Activation;
import java.util.List;

/// The feed-forward part of a layer (`build_ffn` in llama.cpp): down(act(gate(x)) · up(x)), or
/// down(act(up(x))) where the activation has no gate.
final class FeedForward {
  /// gpt-oss's constants (`LLM_FFN_SWIGLU_OAI_MOE`).
  private static final float STEEPNESS = 1.702f;

  private static final float LIMIT = 7;

  private final Activation activation;
  private final LayerTensors tensors;
  private final String suffix;
  private final float sparsity;

  /// @param suffix of the tensors' names: empty, or `_shexp` for the part that all tokens share
  ///     beside their experts
  /// @param sparsity deviations above the mean under which gates are 0; 0 for no such limit
  FeedForward(Activation activation, LayerTensors tensors, String suffix, float sparsity) {
    this.activation = activation;
    this.tensors = tensors;
    this.suffix = suffix;
    this.sparsity = sparsity;
  }

  /// @param x `[embedding, t]`
  /// @param firstToken index of x's first token in the batch
  Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor joined;
    if (activation == Activation.SQUARED_RELU) {
      joined = tape.squaredRelu(linear(tape, "ffn_up", x, firstToken));
    } else if (!tensors.has("ffn_gate" + suffix + ".weight")) {
      Tensor up = linear(tape, "ffn_up", x, firstToken);
      int width = Math.toIntExact(up.shape().ne0() / 2);
      joined = joined(tape, activation, tape.slice(up, 0, width), tape.slice(up, width, width));
    } else {
      List<String> names = List.of("ffn_up" + suffix, "ffn_gate" + suffix);
      List<Tensor> each = tensors.linears(tape, names, x, firstToken);
      Tensor gate = sparsity == 0 ? each.getLast() : tape.peaks(each.getLast(), sparsity);
      joined = joined(tape, activation, gate, each.getFirst());
    }
    return linear(tape, "ffn_down", joined, firstToken);
  }

  static Tensor joined(Tape tape, Activation activation, Tensor gate, Tensor up) {
    return switch (activation) {
      case SILU -> tape.swiglu(gate, up);
      case GELU -> tape.geglu(gate, up);
      case SQUARED_RELU -> throw new IllegalArgumentException("ReLU² joins no gate");
      case CLAMPED_SILU -> tape.clampedSwiglu(gate, up, STEEPNESS, LIMIT);
    };
  }

  private Tensor linear(Tape tape, String name, Tensor x, int firstToken) {
    return tensors.linear(tape, name + suffix, x, firstToken);
  }
}
