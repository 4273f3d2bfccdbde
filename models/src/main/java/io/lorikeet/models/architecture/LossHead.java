package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.Scales;

/// From the last hidden states of a chunk of tokens to logits, loss or gradients: final norm, head,
/// masked cross-entropy. Logits are only ever held for a chunk.
final class LossHead implements AutoCloseable {

  /// What a head computes.
  enum Result {
    /// The logits themselves.
    LOGITS,
    /// Adds the summed loss to the pass's `loss`.
    LOSS,
    /// The same, the gradient of the hidden states, and those of the head's adapter.
    GRADIENTS
  }

  private final Engine engine;
  private final int tokens;
  private final Result result;
  private final GraphInputs inputs;
  private final Tensor hidden;
  private final Tensor hiddenGradient;
  private final Tensor logits;
  private final Tensor labels;
  private final Tensor flatLabels;
  private final Tensor targetWeights;
  private final Graph graph;

  /// @param tokens tokens of a chunk
  LossHead(Engine engine, int tokens, Result result) {
    this.engine = engine;
    this.tokens = tokens;
    this.result = result;
    boolean gradients = result == Result.GRADIENTS;
    boolean loss = result != Result.LOGITS;
    inputs = new GraphInputs(engine, tokens, gradients);
    hidden = inputs.hidden("last_hidden", tokens);
    hiddenGradient = gradients ? inputs.hidden("last_hidden_gradient", tokens) : null;
    labels = loss ? inputs.chunkOf("labels", tokens) : null;
    targetWeights = loss ? inputs.chunkOf("target_weights", tokens) : null;
    flatLabels = gradients ? inputs.chunkOf("flat_labels", tokens) : null;

    ModelConfig config = engine.config();
    Ops ops = inputs.ops();
    Tape tape = inputs.newTape();
    Tensor norm = inputs.weight("", "output_norm.weight");
    Tensor normed = tape.rmsNorm(hidden, norm, config.rmsEpsilon());
    Tensor y =
        scaled(tape, new AdaptedLinear(head(), headBias(), headPair()).apply(tape, normed, 0));
    if (loss) {
      logits = null;
      Tensor dy = inputs.products().isFused() && !isCapped() ? fusedLoss(y) : loss(y);
      if (gradients) {
        tape.backward(y, dy);
        ops.schedule(ops.copy(tape.gradient(hidden), hiddenGradient));
        inputs.parameterGradients().store();
      }
    } else {
      // What runs last stays in the scratch memory until another graph runs.
      logits = y;
      ops.schedule(logits);
    }
    graph = new Graph("the head's " + result.name().toLowerCase(), engine.backend(), ops);
  }

  private Tensor head() {
    return inputs.weight("", engine.config().headTensor());
  }

  private Tensor headBias() {
    return inputs.weight("", "output.bias");
  }

  private Tensor scaled(Tape tape, Tensor y) {
    Scales scales = engine.config().scales();
    Tensor scaled = scales.logits() == 1 ? y : tape.scale(y, scales.logits());
    return scales.logitCap() == 0 ? scaled : tape.softCap(scaled, scales.logitCap());
  }

  /// The head's adapter; a token embedding that serves as head too has none.
  private AdaptedLinear.Pair headPair() {
    return engine.config().tied() ? null : inputs.pair("", engine.config().headTensor());
  }

  /// A cap's gradient is computed from the capped logits, which have to stay.
  private boolean isCapped() {
    return engine.config().scales().logitCap() != 0;
  }

  /// Adds the loss, in few operations.
  ///
  /// @return the gradient of the logits, where it is wanted, in their place
  private Tensor fusedLoss(Tensor y) {
    Ops ops = inputs.ops();
    Tensor losses = ops.scale(targetWeights, 1);
    Tensor gradient = null;
    if (result == Result.GRADIENTS) {
      gradient = inputs.products().crossEntropyAndGradient(y, labels, losses);
    } else {
      inputs.products().crossEntropy(y, labels, losses);
    }
    addToLoss(ops.sum(losses));
    return gradient;
  }

  private void addToLoss(Tensor sum) {
    Ops ops = inputs.ops();
    Tensor total = inputs.constant("loss");
    ops.schedule(ops.copy(ops.add(sum, total), total));
  }

  /// loss += Σ weight · -log softmax(logits)[label], as (largest - logit[label]) - log p[largest]:
  /// the probability of the label itself could be too small for a float.
  ///
  /// @return the gradient of the logits, where it is wanted
  private Tensor loss(Tensor y) {
    Ops ops = inputs.ops();
    Tensor best = ops.reshape(ops.argmax(y), Shape.of(1, tokens));
    Tensor distance = ops.sub(pick(y, best), pick(y, ops.reshape(labels, Shape.of(1, tokens))));
    Tensor probabilities = ops.softMax(y, null, 1);
    Tensor perToken = ops.sub(distance, ops.log(pick(probabilities, best)));
    addToLoss(ops.sum(ops.mul(ops.reshape(perToken, Shape.of(tokens)), targetWeights)));
    return result == Result.GRADIENTS ? logitsGradient(probabilities) : null;
  }

  /// One element of each token's row, [1, 1, tokens]: of x [vocabulary, tokens] the one that index
  /// [1, tokens] names.
  private Tensor pick(Tensor x, Tensor index) {
    Ops ops = inputs.ops();
    return ops.getRows(ops.reshape(x, Shape.of(1, x.shape().ne0(), tokens)), index);
  }

  /// weight · (softmax(logits) - onehot(label)). The one is taken off in place, after the loss has
  /// been computed.
  private Tensor logitsGradient(Tensor probabilities) {
    Ops ops = inputs.ops();
    Tensor atLabel = pick(probabilities, ops.reshape(labels, Shape.of(1, tokens)));
    Tensor lessOne = ops.sub(ops.reshape(atLabel, Shape.of(1, tokens)), inputs.constant("one"));
    Tensor flat = ops.reshape(probabilities, Shape.of(1, probabilities.shape().elements()));
    Tensor difference = ops.reshape(ops.setRows(flat, lessOne, flatLabels), probabilities.shape());
    return ops.mul(difference, ops.reshape(targetWeights, Shape.of(1, tokens)));
  }

  /// Points the head at the chunk that begins at token `first`.
  ///
  /// @param states the last hidden states of all tokens
  /// @param gradients where the gradients of all tokens' hidden states go; null where none are
  ///     computed
  void bind(int first, Tensor states, Tensor gradients) {
    inputs.bind(graph, "", first);
    long offset = first * states.stride(1);
    graph.bind(hidden, states, offset);
    if (logits != null) {
      return;
    }
    PassInputs pass = engine.inputs();
    graph.bind(labels, pass.get("labels"), (long) first * Integer.BYTES);
    graph.bind(targetWeights, pass.get("target_weights"), (long) first * Float.BYTES);
    if (result == Result.GRADIENTS) {
      graph.bind(flatLabels, pass.get("flat_labels"), (long) first * Integer.BYTES);
      graph.bind(hiddenGradient, gradients, offset);
    }
  }

  void run(int first, Tensor states, Tensor gradients) {
    bind(first, states, gradients);
    graph.compute();
  }

  /// The chunk's logits, [vocabulary, tokens], until another graph runs; null unless they are the
  /// result.
  Tensor logits() {
    return logits;
  }

  int tokens() {
    return tokens;
  }

  Graph graph() {
    return graph;
  }

  @Override
  public void close() {
    graph.close();
  }
}
