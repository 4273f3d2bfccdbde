package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.ExpertChoice;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Activation;
import io.lorikeet.models.family.Experts;

/// A mixture of experts in place of a layer's feed-forward part (`build_moe_ffn` in llama.cpp). The
/// router is frozen; gradients flow through it to the hidden states.
final class ExpertFeedForward {
  private final Activation activation;
  private final Experts experts;
  private final LayerTensors tensors;

  ExpertFeedForward(Activation activation, Experts experts, LayerTensors tensors) {
    this.activation = activation;
    this.experts = experts;
    this.tensors = tensors;
  }

  /// Width of the part that every token goes through, or 0.
  int sharedWidth() {
    return experts.sharedWidth();
  }

  /// @param x `[embedding, t]`
  /// @param routed the router's input, `[embedding, t]`
  /// @param firstToken index of x's first token in the batch
  Tensor apply(Tape tape, Tensor x, Tensor routed, int firstToken) {
    Tensor scores = scores(tape, routed);
    Tensor bias = tensors.find("exp_probs_b.bias"); // of the choice, not of the weights
    ExpertChoice choice =
        tape.choose(
            bias == null ? scores : tape.ops().add(scores, bias),
            experts.used(),
            tensors.inputs().constant("expert_identity"));
    Tensor weights = weights(tape, tape.pick(scores, choice));
    Tensor shared = tape.reshape(x, Shape.of(x.shape().ne0(), 1, x.shape().ne1()));
    Tensor joined = joined(tape, shared, choice, firstToken);
    Tensor down = linear("ffn_down_exps").apply(tape, joined, choice, firstToken);
    return tape.weightedSum(down, weights);
  }

  private Tensor joined(Tape tape, Tensor x, ExpertChoice choice, int firstToken) {
    if (activation == Activation.SQUARED_RELU) {
      return tape.squaredRelu(linear("ffn_up_exps").apply(tape, x, choice, firstToken));
    }
    if (!tensors.has("ffn_gate_up_exps.weight")) {
      Tensor gate = linear("ffn_gate_exps").apply(tape, x, choice, firstToken);
      Tensor up = linear("ffn_up_exps").apply(tape, x, choice, firstToken);
      return FeedForward.joined(tape, activation, gate, up);
    }
    Tensor fused = linear("ffn_gate_up_exps").apply(tape, x, choice, firstToken);
    Shape s = fused.shape();
    int width = Math.toIntExact(s.ne0() / 2);
    Tensor flat = tape.reshape(fused, Shape.of(s.ne0(), s.ne1() * s.ne2()));
    Tensor gate = tape.slice(flat, 0, width);
    Tensor up = tape.slice(flat, width, width);
    Tensor joined = FeedForward.joined(tape, activation, gate, up);
    return tape.reshape(joined, Shape.of(width, s.ne1(), s.ne2()));
  }

  /// The scores of the experts, `[experts, t]`.
  private Tensor scores(Tape tape, Tensor x) {
    Tensor logits = tape.frozenProduct(tensors.weight("ffn_gate_inp.weight"), x);
    Tensor bias = tensors.find("ffn_gate_inp.bias");
    Tensor biased = bias == null ? logits : tape.addBias(logits, bias);
    return switch (experts.gating()) {
      case SOFTMAX -> tape.softMax(biased);
      case SIGMOID -> tape.sigmoid(biased);
      case SOFTMAX_OF_CHOSEN -> biased;
    };
  }

  /// The weights `[1, used, t]` of the chosen experts, from their scores.
  private Tensor weights(Tape tape, Tensor picked) {
    Tensor flat = tape.reshape(picked, Shape.of(picked.shape().ne1(), picked.shape().ne2()));
    Tensor weights =
        experts.gating() == Experts.Gating.SOFTMAX_OF_CHOSEN ? tape.softMax(flat) : flat;
    Tensor shares = experts.normalized() ? tape.normalize(weights) : weights;
    Tensor scaled = experts.scale() == 1 ? shares : tape.scale(shares, experts.scale());
    return tape.reshape(scaled, picked.shape());
  }

  private AdaptedExperts linear(String name) {
    return new AdaptedExperts(
        tensors.weight(name + ".weight"),
        tensors.find(name + ".scale"),
        tensors.find(name + ".bias"),
        tensors.pair(name + ".weight"));
  }
}
