package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Attention;
import io.lorikeet.models.autodiff.SavedResult;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.AttentionConfig.SharedKeys;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Attention between its projections: llama's (`src/models/llama.cpp` in llama.cpp) with the pieces
/// that other families add. Norms and biases are there where the base has their tensors; the rest
/// is in [LayerConfig] and [ModelConfig].
final class AttentionMixer implements Mixer {
  private final ModelConfig config;
  private final LayerConfig layer;
  private final LayerTensors tensors;
  private final GraphInputs inputs;
  private final Attention attention;
  private final Tensor positions;
  private final @Nullable Tensor ropeFactors;
  private final @Nullable SharedKeyValues shared;

  AttentionMixer(Engine engine, LayerTensors tensors, LayerConfig layer) {
    this.config = engine.config();
    this.layer = layer;
    this.tensors = tensors;
    this.inputs = tensors.inputs();
    shared = engine.sharedKeyValues();
    PassShape shape = engine.shape();
    attention =
        new Attention(
            shape.rows(),
            shape.context(),
            shape.attentionBlock(),
            config.attentionScale(),
            inputs.constant("indices", shape.context()),
            inputs.constant(PassInputs.seen(layer.window() > 0), shape.tokens()),
            inputs.mask(layer.window() > 0),
            layer.window(),
            config.scales().scoreCap(),
            tensors.find("attn_sinks.weight"));
    positions = inputs.constant("positions", shape.tokens());
    Tensor factors = layer.ropeFactors() ? engine.ropeFactors() : null;
    ropeFactors = factors == null ? null : inputs.ops().constant(factors);
  }

  @Override
  public String name() {
    return "attention";
  }

  @Override
  public Tensor apply(Tape tape, Tensor x) {
    if (layer.borrowsKeys()) {
      return attended(tape, linear(tape, "attn_q", x), null, borrowed(tape, x.shape().ne1()));
    }
    Projections p = projections(tape, x);
    Tensor k = rotated(tape, headNorm(tape, "attn_k_norm.weight", p.k(), layer.keyValueHeads()));
    Tensor v = heads(tape, p.v(), layer.keyValueHeads());
    if (config.family().normsValues()) {
      v = tape.rmsNorm(v, null, config.rmsEpsilon());
    }
    if (layer.sharedKeys().isPresent()) {
      lend(tape, k, v);
    }
    return attended(tape, p.q(), p.gate(), new KeyValues(k, v));
  }

  /// Keys and values of each token, `[head size, key-value heads, tokens]`.
  private record KeyValues(Tensor k, Tensor v) {}

  /// @param queries `[width, tokens]`
  /// @param gate of what the heads give, or null
  private Tensor attended(Tape tape, Tensor queries, @Nullable Tensor gate, KeyValues keys) {
    long tokens = queries.shape().ne1();
    Tensor q = rotated(tape, headNorm(tape, "attn_q_norm.weight", queries, layer.heads()));
    if (config.temperature() != null) {
      q = tape.mask(q, inputs.constant("temperatures", Math.toIntExact(tokens)));
    }
    SavedResult saved = inputs.savedAttention(tensors.prefix(), q.shape());
    Tensor mixed = tape.attention(q, keys.k(), keys.v(), attention, saved);
    Tensor flat = tape.reshape(mixed, Shape.of(layer.queryWidth(), tokens));
    Tensor gated = gate == null ? flat : tape.multiply(flat, tape.sigmoid(gate));
    return tensors.linear(tape, "attn_output", gated, 0);
  }

  private KeyValues borrowed(Tape tape, long tokens) {
    SharedKeyValues others = Objects.requireNonNull(shared, "the layers share keys");
    SharedKeys from = layer.sharedKeys().orElseThrow();
    Shape shape = Shape.of(layer.headSize(), layer.keyValueHeads(), tokens);
    return new KeyValues(
        tape.borrow(inputs.borrowed(others.keys(from), () -> others.keyGradient(from), shape)),
        tape.borrow(inputs.borrowed(others.values(from), () -> others.valueGradient(from), shape)));
  }

  /// Forward writes what other layers read, and clears its gradient, which they add to in backward.
  private void lend(Tape tape, Tensor k, Tensor v) {
    SharedKeyValues others = Objects.requireNonNull(shared, "the layers share keys");
    SharedKeys to = layer.sharedKeys().orElseThrow();
    if (inputs.isBackward()) {
      tape.lend(k, inputs.beginning(others.keyGradient(to), k.shape()));
      tape.lend(v, inputs.beginning(others.valueGradient(to), v.shape()));
      return;
    }
    write(k, others.keys(to));
    write(v, others.values(to));
    if (others.hasGradients()) {
      write(inputs.ops().scale(k, 0), others.keyGradient(to));
      write(inputs.ops().scale(v, 0), others.valueGradient(to));
    }
  }

  private void write(Tensor x, Tensor target) {
    inputs.ops().schedule(inputs.ops().copy(x, inputs.beginning(target, x.shape())));
  }

  /// Queries, keys and values of each token, side by side, and gates as wide as the queries, or
  /// null. Where the base has no matrix for values, they are the keys.
  private record Projections(Tensor q, Tensor k, Tensor v, @Nullable Tensor gate) {}

  private Projections projections(Tape tape, Tensor x) {
    if (!tensors.has("attn_qkv.weight")) {
      List<String> names =
          tensors.has("attn_v.weight")
              ? List.of("attn_k", "attn_q", "attn_v")
              : List.of("attn_k", "attn_q");
      List<Tensor> each = tensors.linears(tape, names, x, 0);
      Tensor k = each.getFirst();
      Tensor q = each.get(1);
      Tensor v = names.size() > 2 ? each.getLast() : k;
      return config.family().gatesAttention()
          ? new Projections(half(tape, q, layer.heads(), 0), k, v, half(tape, q, layer.heads(), 1))
          : new Projections(q, k, v, ownGate(tape, x));
    }
    Tensor fused = linear(tape, "attn_qkv", x);
    int queries = layer.queryWidth();
    int keys = layer.keyValueWidth();
    return new Projections(
        tape.slice(fused, 0, queries),
        tape.slice(fused, queries, keys),
        tape.slice(fused, queries + keys, keys),
        ownGate(tape, x));
  }

  /// The gate of what the heads give, where it has a matrix of its own.
  private @Nullable Tensor ownGate(Tape tape, Tensor x) {
    return tensors.has("attn_gate.weight") ? linear(tape, "attn_gate", x) : null;
  }

  /// The first or the second half of what each head has in x `[2 · width, t]`: `[width, t]`.
  static Tensor half(Tape tape, Tensor x, int heads, int which) {
    int width = Math.toIntExact(x.shape().ne0() / 2);
    int size = width / heads;
    long tokens = x.shape().ne1();
    Tensor byHead = tape.reshape(x, Shape.of(2L * size, heads * tokens));
    return tape.reshape(tape.slice(byHead, which * size, size), Shape.of(width, tokens));
  }

  /// Heads `[head size, heads, t]` of x `[width, t]`, with a norm of each or of all together, where
  /// the base has one.
  private Tensor headNorm(Tape tape, String name, Tensor x, int heads) {
    Tensor gain = tensors.find(name);
    boolean together = gain != null && gain.shape().ne0() != layer.headSize();
    return together
        ? heads(tape, tensors.norm(tape, name, x), heads)
        : tensors.norm(tape, name, heads(tape, x, heads));
  }

  private Tensor heads(Tape tape, Tensor x, int heads) {
    return tape.reshape(x, Shape.of(layer.headSize(), heads, x.shape().ne1()));
  }

  private Tensor rotated(Tape tape, Tensor x) {
    return layer.rope().map(rope -> tape.rope(x, positions, ropeFactors, rope)).orElse(x);
  }

  private Tensor linear(Tape tape, String name, Tensor x) {
    return tensors.linear(tape, name, x, 0);
  }
}
