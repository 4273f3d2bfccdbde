package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Attention;
import io.lorikeet.models.autodiff.Tape;

/// A layer of the llama architecture (`src/models/llama.cpp` in llama.cpp), as forward passes on a
/// tape.
final class LlamaLayer {
  private final ModelConfig config;
  private final GraphInputs inputs;
  private final String prefix;
  private final Attention attention;
  private final Tensor positions;
  private final Tensor ropeFactors;

  /// @param prefix of the tensors of any layer of this kind, such as `blk.0.`
  LlamaLayer(Engine engine, GraphInputs inputs, String prefix) {
    this.config = engine.config();
    this.inputs = inputs;
    this.prefix = prefix;
    PassShape shape = engine.shape();
    attention =
        new Attention(
            shape.rows(),
            shape.context(),
            shape.attentionBlock(),
            config.attentionScale(),
            inputs.constant("indices"),
            inputs.constant("first_visible"));
    positions = inputs.constant("positions");
    Tensor factors = engine.ropeFactors();
    ropeFactors = factors == null ? null : inputs.ops().constant(factors);
  }

  /// x + attention(norm(x)).
  ///
  /// @param x hidden states [embedding, tokens] of the whole batch
  Tensor attentionPart(Tape tape, Tensor x) {
    Tensor normed = norm(tape, "attn_norm.weight", x);
    Tensor q = heads(tape, linear(tape, "attn_q", normed, 0), config.heads());
    Tensor k = heads(tape, linear(tape, "attn_k", normed, 0), config.keyValueHeads());
    Tensor v = heads(tape, linear(tape, "attn_v", normed, 0), config.keyValueHeads());
    Tensor rotatedQ = tape.rope(q, positions, ropeFactors, config.rope());
    Tensor rotatedK = tape.rope(k, positions, ropeFactors, config.rope());
    Tensor mixed = tape.attention(rotatedQ, rotatedK, v, attention);
    Tensor flat = tape.reshape(mixed, Shape.of(config.queryWidth(), x.shape().ne1()));
    return tape.add(linear(tape, "attn_output", flat, 0), x);
  }

  /// h + down(silu(gate(norm(h))) · up(norm(h))).
  ///
  /// @param h hidden states [embedding, t] of some of the batch's tokens
  /// @param firstToken index of the first of them
  Tensor feedForwardPart(Tape tape, Tensor h, int firstToken) {
    Tensor normed = norm(tape, "ffn_norm.weight", h);
    Tensor gate = linear(tape, "ffn_gate", normed, firstToken);
    Tensor up = linear(tape, "ffn_up", normed, firstToken);
    Tensor down = linear(tape, "ffn_down", tape.swiglu(gate, up), firstToken);
    return tape.add(down, h);
  }

  private Tensor norm(Tape tape, String name, Tensor x) {
    return tape.rmsNorm(x, inputs.weight(prefix, name), config.rmsEpsilon());
  }

  private Tensor linear(Tape tape, String name, Tensor x, int firstToken) {
    return inputs.linear(prefix, name).apply(tape, x, firstToken);
  }

  private Tensor heads(Tape tape, Tensor x, int heads) {
    return tape.reshape(x, Shape.of(config.headSize(), heads, x.shape().ne1()));
  }
}
