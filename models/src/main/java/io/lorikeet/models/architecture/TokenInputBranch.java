package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.ModelConfig;

/// x + norm(proj(gelu(inp_gate(x)) · e)), where e is what a token's embeddings are for this layer:
/// a row of its own table and a projection of the token embedding. Both are frozen, so no gradient
/// flows to e (`project_per_layer_inputs` in llama.cpp's `src/models/gemma4.cpp`).
final class TokenInputBranch implements Branch {
  private final ModelConfig config;
  private final LayerTensors tensors;
  private final GraphInputs inputs;
  private final Ops ops;
  private final Tensor rows;
  private final Tensor rowNumbers;
  private final Tensor embeddings;
  private final Tensor tokens;
  private final Tensor projection;
  private final Tensor projectionGain;

  TokenInputBranch(Engine engine, LayerTensors tensors) {
    this.config = engine.config();
    this.tensors = tensors;
    inputs = tensors.inputs();
    ops = inputs.ops();
    int count = engine.shape().tokens();
    TokenInputs source = engine.inputs().tokenInputs();
    rows = ops.constant(source.rows());
    rowNumbers =
        inputs.ofLayer(
            "rows of the layer",
            engine.inputs().get("row_numbers"),
            Shape.of(count),
            source.firstRow(1) * TensorType.I32.blockBytes());
    embeddings = ops.constant(engine.weights().get(EmbeddingGraph.WEIGHT));
    tokens = inputs.constant("tokens", count);
    Tensor all = engine.weights().get("per_layer_model_proj.weight");
    projection =
        inputs.ofLayer(
            "projection of the layer",
            all,
            Shape.of(all.shape().ne0(), config.tokenInputs()),
            config.tokenInputs() * all.stride(1));
    projectionGain = ops.constant(engine.weights().get("per_layer_proj_norm.weight"));
  }

  @Override
  public String name() {
    return "embeddings for the layer";
  }

  @Override
  public boolean mixesTokens() {
    return false;
  }

  @Override
  public Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor sum = tape.add(added(tape, x, firstToken), x);
    return DecoderLayer.outputScaled(tensors, tape, sum);
  }

  /// The addend of the hidden states, from x.
  Tensor added(Tape tape, Tensor x, int firstToken) {
    Tensor e = embedded(firstToken, Math.toIntExact(x.shape().ne1()));
    Tensor gated = tape.geglu(tensors.linear(tape, "inp_gate", x, firstToken), e);
    Tensor given = tensors.linear(tape, "proj", gated, firstToken);
    return tensors.norm(tape, "post_norm.weight", given);
  }

  /// `[elements, count]`, on no tape that is differentiated.
  private Tensor embedded(int first, int count) {
    Tape constant = inputs.newTape();
    Tensor own = ops.getRows(rows, part(rowNumbers, first, count));
    Tensor embedding = ops.getRows(embeddings, part(tokens, first, count));
    Tensor scaled = ops.scale(embedding, config.scales().embedding());
    Tensor product = constant.frozenProduct(projection, scaled);
    Tensor projected =
        constant.rmsNorm(
            ops.scale(product, (float) (1 / Math.sqrt(config.embedding()))),
            projectionGain,
            config.rmsEpsilon());
    Tensor sum = ops.add(projected, ops.scale(own, (float) Math.sqrt(config.tokenInputs())));
    return ops.scale(sum, (float) (1 / Math.sqrt(2)));
  }

  private Tensor part(Tensor indices, int first, int count) {
    return ops.view(indices, Shape.of(count), first * indices.stride(0));
  }
}
