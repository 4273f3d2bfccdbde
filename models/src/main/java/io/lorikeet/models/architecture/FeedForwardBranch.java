package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Experts;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import org.jspecify.annotations.Nullable;

/// h + feedForward(norm(h)): a dense part, as first layers can have it; a mixture of experts with
/// or without a part that every token goes through, or both a dense part and experts.
final class FeedForwardBranch implements Branch {
  private final ModelConfig config;
  private final LayerTensors tensors;
  private final FeedForward dense;
  private final FeedForward shared;
  private final @Nullable ExpertFeedForward experts;

  FeedForwardBranch(ModelConfig config, LayerTensors tensors, LayerConfig layer) {
    this.config = config;
    this.tensors = tensors;
    dense = new FeedForward(config.activation(), tensors, "", layer.sparsity());
    shared = new FeedForward(config.activation(), tensors, "_shexp", 0);
    Experts mixture = config.experts();
    experts = mixture == null ? null : new ExpertFeedForward(config.activation(), mixture, tensors);
  }

  /// Whether a layer has such a part.
  static boolean isIn(LayerTensors tensors) {
    return tensors.has("ffn_down.weight") || tensors.has("ffn_down_exps.weight");
  }

  @Override
  public String name() {
    return "feed-forward";
  }

  @Override
  public boolean mixesTokens() {
    return false;
  }

  @Override
  public Tensor apply(Tape tape, Tensor h, int firstToken) {
    Tensor normed = tensors.norm(tape, config.family().feedForwardNorm(), h);
    Tensor given;
    if (experts == null || !tensors.has("ffn_gate_inp.weight")) {
      given = dense.apply(tape, normed, firstToken);
    } else if (!tensors.has("ffn_down.weight")) {
      Tensor chosen = experts.apply(tape, normed, normed, firstToken);
      given =
          experts.sharedWidth() == 0
              ? chosen
              : tape.add(chosen, sharedPart(tape, normed, firstToken));
    } else {
      given = denseAndExperts(tape, experts, h, normed, firstToken);
    }
    float epsilon = config.family().epsilonAfter(config.rmsEpsilon());
    Tensor added = tensors.norm(tape, "post_ffw_norm.weight", given, epsilon);
    Tensor sum = tape.add(DecoderLayer.scaled(config, tape, added), h);
    return config.tokenInputs() > 0 ? sum : DecoderLayer.outputScaled(tensors, tape, sum);
  }

  /// The part that every token goes through, times the sigmoid of its gate where it has one.
  private Tensor sharedPart(Tape tape, Tensor x, int firstToken) {
    Tensor given = shared.apply(tape, x, firstToken);
    Tensor gate = tensors.find("ffn_gate_inp_shexp.weight");
    return gate == null ? given : tape.multiply(given, tape.sigmoid(tape.frozenProduct(gate, x)));
  }

  /// Gemma 4's: a dense part and experts side by side, each with norms of its own; experts are
  /// chosen by the hidden state with another norm.
  private Tensor denseAndExperts(
      Tape tape, ExpertFeedForward routedExperts, Tensor h, Tensor normed, int firstToken) {
    Tensor own = dense.apply(tape, normed, firstToken);
    Tensor routed =
        tape.mask(
            tape.scale(
                tape.rmsNorm(h, null, config.rmsEpsilon()),
                (float) (1 / Math.sqrt(config.embedding()))),
            tensors.weight("ffn_gate_inp.scale"));
    Tensor chosen =
        routedExperts.apply(
            tape, tensors.norm(tape, "pre_ffw_norm_2.weight", h), routed, firstToken);
    return tape.add(
        tensors.norm(tape, "post_ffw_norm_1.weight", own),
        tensors.norm(tape, "post_ffw_norm_2.weight", chosen));
  }
}
