package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Kernels.Targets;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Tape;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// From the last hidden states of a run of tokens to the loss of each, and to gradients where they
/// are wanted: logits and their masked cross-entropy. Logits are only ever held for a chunk of the
/// run.
final class LossHead implements AutoCloseable {
  /// Chunks that a copy of the head is used for at most: a graph for each of them is no longer than
  /// some hundred operations.
  private static final int MOST_CHUNKS = 8;

  private final Engine engine;
  private final int tokens;
  private final GraphInputs inputs;
  private final OutputHead head;
  private final Tensor hidden;
  private final @Nullable Tensor hiddenGradient;
  private final Targets targets;
  private final Tensor losses;
  private final Graph graph;

  /// @param tokens tokens of a run
  /// @param gradients whether the gradient of the hidden states is computed, and those of the
  ///     head's adapter
  LossHead(Engine engine, int tokens, boolean gradients) {
    this.engine = engine;
    this.tokens = tokens;
    int chunk = engine.shape().headChunk();
    inputs = new GraphInputs(engine, tokens, gradients, Math.ceilDiv(tokens, chunk));
    head = new OutputHead(engine, inputs);
    hidden = inputs.hidden("last_hidden", tokens);
    hiddenGradient = gradients ? inputs.hidden("last_hidden_gradient", tokens) : null;
    targets =
        new Targets(
            inputs.runOf("labels", tokens),
            inputs.runOf("flat_labels", tokens),
            inputs.runOf("target_weights", tokens));
    losses = inputs.ops().placeholder("losses", TensorType.F32, Shape.of(tokens));
    for (int first = 0; first < tokens; first += chunk) {
      addChunk(first, Math.min(chunk, tokens - first));
    }
    inputs.parameterGradients().store();
    String name = gradients ? "the head's gradients" : "the head's loss";
    graph = new Graph(name, engine.backend(), inputs.ops());
  }

  /// Tokens of the runs that a pass is cut into, but for what is left of them. An adapted head is
  /// run once, since its gradient is to be a sum of its own.
  static int run(Engine engine) {
    PassShape shape = engine.shape();
    int chunks = shape.keepsCopies() ? MOST_CHUNKS : 1;
    return engine.slot(engine.config().headTensor()).isPresent()
        ? shape.tokens()
        : (int) Math.min((long) chunks * shape.headChunk(), shape.tokens());
  }

  private Tensor part(Tensor vector, int first, int count) {
    return inputs.ops().view(vector, Shape.of(count), first * vector.stride(0));
  }

  private Tensor tokens(Tensor states, int first, int count) {
    Shape shape = Shape.of(states.shape().ne0(), count);
    return inputs.ops().view(states, shape, first * states.stride(1));
  }

  private void addChunk(int first, int count) {
    Targets chunk =
        new Targets(
            part(targets.labels(), first, count),
            part(targets.flatLabels(), first, count),
            part(targets.weights(), first, count));
    Tape tape = inputs.newTape();
    Tensor states = tokens(hidden, first, count);
    Tensor logits = head.logits(tape, states, first);
    Kernels.Loss chunkLoss =
        inputs.kernels().crossEntropy(logits, chunk, hiddenGradient != null, head.isCapped());
    Ops ops = inputs.ops();
    ops.schedule(ops.copy(chunkLoss.each(), part(losses, first, count)));
    if (hiddenGradient != null) {
      tape.backward(logits, Objects.requireNonNull(chunkLoss.gradient(), "it was asked for"));
      Tensor result = tokens(hiddenGradient, first, count);
      ops.schedule(ops.copy(tape.gradient(states), result));
    }
  }

  /// Points the head at the run that begins at token `first`, a multiple of the chunk's length.
  ///
  /// @param states the last hidden states of all tokens
  /// @param stateGradients where the gradients of all tokens' hidden states go; null where none are
  ///     computed
  /// @param tokenLosses where the losses of all tokens go, F32 `[tokens]`
  void bind(int first, Tensor states, @Nullable Tensor stateGradients, Tensor tokenLosses) {
    inputs.bind(graph, "", first);
    long offset = first * states.stride(1);
    graph.bind(hidden, states, offset);
    if (hiddenGradient != null) {
      graph.bind(
          hiddenGradient,
          Objects.requireNonNull(stateGradients, "this head computes gradients"),
          offset);
    }
    graph.bind(losses, tokenLosses, first * losses.stride(0));
    for (Tensor vector : List.of(targets.labels(), targets.flatLabels(), targets.weights())) {
      graph.bind(vector, engine.inputs().get(vector.name()), first * vector.stride(0));
    }
  }

  /// Computes the tokens' losses, and adds to the gradients of the head's adapter.
  void run(int first, Tensor states, @Nullable Tensor stateGradients, Tensor tokenLosses) {
    bind(first, states, stateGradients, tokenLosses);
    graph.compute();
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
