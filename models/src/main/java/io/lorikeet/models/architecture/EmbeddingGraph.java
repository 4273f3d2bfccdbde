package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.lora.LoraTargets;

/// From tokens to the first hidden states, and the gradients of the embedding's adapter where it
/// has one (`build_inp_embd` in llama.cpp).
final class EmbeddingGraph implements AutoCloseable {
  private static final String WEIGHT = "token_embd.weight";

  private final GraphInputs inputs;
  private final Tensor hidden;
  private final boolean backward;
  private final Graph graph;

  EmbeddingGraph(Engine engine, boolean backward) {
    this.backward = backward;
    inputs = new GraphInputs(engine, engine.shape().tokens(), backward);
    Ops ops = inputs.ops();
    hidden = inputs.hidden(backward ? "embedding_gradient" : "embedding", engine.shape().tokens());
    Tensor tokens = inputs.constant("tokens");
    Tape tape = inputs.newTape();
    Tensor y = ops.getRows(inputs.weight("", WEIGHT), tokens);
    AdaptedLinear.Pair pair = inputs.pair("", LoraTargets.EMBEDDING);
    if (pair != null) {
      Tensor low = tape.scale(tape.trainedRows(pair.a(), tokens), pair.scaling());
      y = tape.add(tape.trainedProduct(pair.b(), low), y);
    }
    float scale = engine.config().scales().embedding();
    if (scale != 1) {
      y = tape.scale(y, scale);
    }
    if (backward) {
      tape.backward(y, hidden);
      inputs.parameterGradients().store();
    } else {
      ops.schedule(ops.copy(y, hidden));
    }
    graph = new Graph(backward ? "backward of the embedding" : "embedding", engine.backend(), ops);
  }

  void bind(Tensor target) {
    inputs.bind(graph, "", 0);
    graph.bind(hidden, target);
  }

  /// Writes the hidden states, or reads their gradient and adds to the adapter's.
  void run(Tensor target) {
    bind(target);
    graph.compute();
  }

  boolean isBackward() {
    return backward;
  }

  Graph graph() {
    return graph;
  }

  @Override
  public void close() {
    graph.close();
  }
}
