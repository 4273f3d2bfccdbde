package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Kernels.Targets;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.BaseDivergence;
import io.lorikeet.models.autodiff.DistributionLoss;
import io.lorikeet.models.autodiff.Tape;
import java.util.HashMap;
import java.util.Map;
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
  private final Kind kind;
  private final GraphInputs inputs;
  private final OutputHead head;
  private final Tensor hidden;
  private final @Nullable Tensor hiddenGradient;
  private final @Nullable Tensor baseHidden;
  private final Map<String, Tensor> vectors = new HashMap<>();
  private final Tensor losses;
  private final Graph graph;

  /// The results of a head.
  enum Kind {
    /// The losses of the targets.
    LOSSES,
    /// These, the gradient of the hidden states, and those of the head's adapter.
    GRADIENTS,
    /// The same, of the losses that [Objective.Distributions] have.
    GRADIENTS_OF_DISTRIBUTIONS,
    /// The same, of the losses that [Objective.FromBase] has.
    GRADIENTS_OF_DIVERGENCE
  }

  /// @param tokens tokens of a run
  LossHead(Engine engine, int tokens, Kind kind) {
    this.engine = engine;
    this.tokens = tokens;
    this.kind = kind;
    boolean gradients = kind != Kind.LOSSES;
    int chunk = engine.shape().headChunk();
    inputs = new GraphInputs(engine, tokens, gradients, Math.ceilDiv(tokens, chunk));
    head = new OutputHead(engine, inputs);
    hidden = inputs.hidden("last_hidden", tokens);
    hiddenGradient = gradients ? inputs.hidden("last_hidden_gradient", tokens) : null;
    baseHidden = kind == Kind.GRADIENTS_OF_DIVERGENCE ? inputs.hidden("base_hidden", tokens) : null;
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

  private static Tensor part(Ops ops, Tensor vector, long first, long count) {
    return ops.view(vector, Shape.of(count), first * vector.stride(0));
  }

  /// The values of some tokens of the run in a vector of [PassInputs].
  private Tensor vector(String name, int first, int count) {
    int each = engine.inputs().perToken(name);
    Tensor whole = vectors.computeIfAbsent(name, n -> inputs.runOf(n, each * tokens));
    return part(inputs.ops(), whole, (long) each * first, (long) each * count);
  }

  private Tensor tokens(Tensor states, int first, int count) {
    Shape shape = Shape.of(states.shape().ne0(), count);
    return inputs.ops().view(states, shape, first * states.stride(1));
  }

  private void addChunk(int first, int count) {
    Tape tape = inputs.newTape();
    Tensor states = tokens(hidden, first, count);
    Tensor logits = head.logits(tape, states, first);
    Kernels.Loss chunkLoss = loss(logits, first, count);
    Ops ops = inputs.ops();
    ops.schedule(ops.copy(chunkLoss.each(), part(ops, losses, first, count)));
    if (hiddenGradient != null) {
      tape.backward(logits, Objects.requireNonNull(chunkLoss.gradient(), "it was asked for"));
      Tensor result = tokens(hiddenGradient, first, count);
      ops.schedule(ops.copy(tape.gradient(states), result));
    }
  }

  private Kernels.Loss loss(Tensor logits, int first, int count) {
    Tensor weights = vector("target_weights", first, count);
    if (kind == Kind.GRADIENTS_OF_DISTRIBUTIONS) {
      Tensor listed = vector("listed", first, count);
      Tensor excess = vector("excess", first, count);
      Tensor rest = vector("rest", first, count);
      return new DistributionLoss(listed, excess, rest, weights).build(inputs.ops(), logits);
    }
    if (baseHidden != null) {
      Tensor ofBase = head.baseLogits(inputs.newTape(), tokens(baseHidden, first, count));
      return new BaseDivergence(ofBase, weights).build(inputs.ops(), logits);
    }
    Tensor labels = vector("labels", first, count);
    Targets targets = new Targets(labels, vector("flat_labels", first, count), weights);
    return inputs.kernels().crossEntropy(logits, targets, kind == Kind.GRADIENTS, head.isCapped());
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
    if (baseHidden != null) {
      graph.bind(baseHidden, engine.inputs().get("base_hidden"), offset);
    }
    graph.bind(losses, tokenLosses, first * losses.stride(0));
    vectors.forEach(
        (name, vector) -> {
          long element = (long) engine.inputs().perToken(name) * first;
          graph.bind(vector, engine.inputs().get(name), element * vector.stride(0));
        });
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
