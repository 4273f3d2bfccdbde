package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Attention;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.Scales;

/// A layer of a transformer as forward passes on a tape: llama's (`src/models/llama.cpp` in
/// llama.cpp) with the pieces that other families add. Norms and biases are there where the base
/// has their tensors; the rest is in [LayerConfig] and [ModelConfig].
final class DecoderLayer {
  private final ModelConfig config;
  private final LayerConfig layer;
  private final GraphInputs inputs;
  private final String prefix;
  private final Attention attention;
  private final Tensor positions;
  private final Tensor ropeFactors;
  private final FeedForward feedForward;
  private final FeedForward shared;
  private final ExpertFeedForward experts;

  /// @param index any layer of this kind
  DecoderLayer(Engine engine, GraphInputs inputs, int index) {
    this.config = engine.config();
    this.layer = config.layer(index);
    this.inputs = inputs;
    this.prefix = Engine.prefix(index);
    PassShape shape = engine.shape();
    attention =
        new Attention(
            shape.rows(),
            shape.context(),
            shape.attentionBlock(),
            config.attentionScale(),
            inputs.constant("indices", shape.context()),
            inputs.constant(layer.window() > 0 ? "seen_in_window" : "seen_until", shape.tokens()),
            layer.window(),
            config.scales().scoreCap(),
            inputs.weight(prefix, "attn_sinks.weight"));
    positions = inputs.constant("positions", shape.tokens());
    Tensor factors = layer.ropeFactors() ? engine.ropeFactors() : null;
    ropeFactors = factors == null ? null : inputs.ops().constant(factors);
    feedForward = new FeedForward(config, inputs, prefix, "");
    shared = new FeedForward(config, inputs, prefix, "_shexp");
    experts = config.experts() == null ? null : new ExpertFeedForward(config, inputs, prefix);
  }

  /// x + attention(norm(x)).
  ///
  /// @param x hidden states `[embedding, tokens]` of the whole batch
  Tensor attentionPart(Tape tape, Tensor x) {
    Projections p = projections(tape, norm(tape, "attn_norm.weight", x));
    Tensor q = rotated(tape, headNorm(tape, "attn_q_norm.weight", p.q(), layer.heads()));
    Tensor k = rotated(tape, headNorm(tape, "attn_k_norm.weight", p.k(), layer.keyValueHeads()));
    Tensor v = heads(tape, p.v(), layer.keyValueHeads());
    if (config.family().normsValues()) {
      v = tape.rmsNorm(v, null, config.rmsEpsilon());
    }
    if (config.temperature() != null) {
      q = tape.mask(q, inputs.constant("temperatures", Math.toIntExact(x.shape().ne1())));
    }
    Tensor flat = tape.reshape(mixed(tape, q, k, v), Shape.of(layer.queryWidth(), x.shape().ne1()));
    Tensor added =
        norm(tape, config.family().attentionPostNorm(), linear(tape, "attn_output", flat));
    return tape.add(residual(tape, added), x);
  }

  /// The attention itself, `[head size, heads, tokens]`. Where it is kept, forward stores it, and
  /// backward takes it from there.
  private Tensor mixed(Tape tape, Tensor q, Tensor k, Tensor v) {
    Tensor saved = inputs.savedAttention(q.shape());
    if (saved != null && inputs.isBackward()) {
      return tape.attention(q, k, v, attention, saved);
    }
    Tensor computed = tape.attention(q, k, v, attention);
    return saved == null ? computed : inputs.ops().copy(computed, saved);
  }

  /// Queries, keys and values of each token, side by side. Where the base has no matrix for values,
  /// they are the keys.
  private record Projections(Tensor q, Tensor k, Tensor v) {}

  private Projections projections(Tape tape, Tensor x) {
    if (inputs.weight(prefix, "attn_qkv.weight") == null) {
      Tensor k = linear(tape, "attn_k", x);
      boolean apart = inputs.weight(prefix, "attn_v.weight") != null;
      return new Projections(linear(tape, "attn_q", x), k, apart ? linear(tape, "attn_v", x) : k);
    }
    Tensor fused = linear(tape, "attn_qkv", x);
    int queries = layer.queryWidth();
    int keys = layer.keyValueWidth();
    return new Projections(
        tape.slice(fused, 0, queries),
        tape.slice(fused, queries, keys),
        tape.slice(fused, queries + keys, keys));
  }

  /// h + feedForward(norm(h)).
  ///
  /// @param h hidden states `[embedding, t]` of some of the batch's tokens
  /// @param firstToken index of the first of them
  Tensor feedForwardPart(Tape tape, Tensor h, int firstToken) {
    Tensor normed = norm(tape, config.family().feedForwardNorm(), h);
    Tensor given;
    if (experts == null) {
      given = feedForward.apply(tape, normed, firstToken);
    } else if (inputs.weight(prefix, "ffn_down.weight") == null) {
      Tensor chosen = experts.apply(tape, normed, normed, firstToken);
      given =
          config.experts().sharedWidth() == 0
              ? chosen
              : tape.add(chosen, shared.apply(tape, normed, firstToken));
    } else {
      given = denseAndExperts(tape, h, normed, firstToken);
    }
    Tensor added = norm(tape, "post_ffw_norm.weight", given);
    Tensor sum = tape.add(residual(tape, added), h);
    Tensor scale = inputs.weight(prefix, "layer_output_scale.weight");
    return scale == null ? sum : tape.mask(sum, scale);
  }

  /// Gemma 4's: a dense part and experts side by side, each with norms of its own; experts are
  /// chosen by the hidden state with another norm.
  private Tensor denseAndExperts(Tape tape, Tensor h, Tensor normed, int firstToken) {
    Tensor dense = feedForward.apply(tape, normed, firstToken);
    Tensor routed =
        tape.mask(
            tape.scale(
                tape.rmsNorm(h, null, config.rmsEpsilon()),
                (float) (1 / Math.sqrt(config.embedding()))),
            inputs.weight(prefix, "ffn_gate_inp.scale"));
    Tensor chosen = experts.apply(tape, norm(tape, "pre_ffw_norm_2.weight", h), routed, firstToken);
    return tape.add(
        norm(tape, "post_ffw_norm_1.weight", dense), norm(tape, "post_ffw_norm_2.weight", chosen));
  }

  /// x normed, where the base has this norm.
  private Tensor norm(Tape tape, String name, Tensor x) {
    Tensor gain = name == null ? null : inputs.weight(prefix, name);
    return gain == null ? x : tape.rmsNorm(x, gain, config.rmsEpsilon());
  }

  /// Heads `[head size, heads, t]` of x `[width, t]`, with a norm of each or of all together, where
  /// the base has one.
  private Tensor headNorm(Tape tape, String name, Tensor x, int heads) {
    Tensor gain = inputs.weight(prefix, name);
    boolean together = gain != null && gain.shape().ne0() != layer.headSize();
    return together
        ? heads(tape, norm(tape, name, x), heads)
        : norm(tape, name, heads(tape, x, heads));
  }

  private Tensor heads(Tape tape, Tensor x, int heads) {
    return tape.reshape(x, Shape.of(layer.headSize(), heads, x.shape().ne1()));
  }

  private Tensor rotated(Tape tape, Tensor x) {
    return layer.rope() == null ? x : tape.rope(x, positions, ropeFactors, layer.rope());
  }

  private Tensor residual(Tape tape, Tensor added) {
    Scales scales = config.scales();
    return scales.residual() == 1 ? added : tape.scale(added, scales.residual());
  }

  private Tensor linear(Tape tape, String name, Tensor x) {
    return inputs.linear(prefix, name).apply(tape, x, 0);
  }
}
