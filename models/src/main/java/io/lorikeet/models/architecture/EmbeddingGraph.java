package io.lorikeet.models.architecture;

import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.lora.LoraTargets;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// From tokens to the first hidden states, and the gradients of the embedding's adapter where it
/// has one (`build_inp_embd` in llama.cpp).
final class EmbeddingGraph implements AutoCloseable {
  static final String WEIGHT = "token_embd.weight";

  private final GraphInputs inputs;
  private final Tensor hidden;
  private final boolean backward;
  private final boolean normed;
  private final Graph graph;

  /// Where the embeddings aren't on the device: those of the batch's tokens, `[embedding, tokens]`.
  private @Nullable DeviceTensors rows;

  private final @Nullable EmbeddingRows source;

  EmbeddingGraph(Engine engine, boolean backward) {
    this.backward = backward;
    normed = engine.config().family().normsEmbedding();
    source = engine.weights().embeddingRows();
    inputs = new GraphInputs(engine, engine.shape().tokens(), backward, 1);
    Ops ops = inputs.ops();
    hidden = inputs.hidden(backward ? "embedding_gradient" : "embedding", engine.shape().tokens());
    Tensor tokens = inputs.constant("tokens", engine.shape().tokens());
    Tape tape = inputs.newTape();
    Tensor y = embeddings(engine, ops, tokens);
    AdaptedLinear.Pair pair = inputs.pair("", LoraTargets.EMBEDDING);
    if (pair != null) {
      Tensor low =
          pair.scaled(
              tape, tape.trainedRows(pair.a(), tokens), Shape.of(1, engine.shape().tokens()), 0);
      y = tape.add(tape.trainedProduct(pair.b(), low), y);
    }
    float scale = engine.config().scales().embedding();
    if (scale != 1) {
      y = tape.scale(y, scale);
    }
    if (normed) {
      y = tape.rmsNorm(y, null, engine.config().rmsEpsilon());
    }
    if (engine.config().family().streams() > 1) {
      LayerTensors outer = new LayerTensors(inputs, "", engine.config().rmsEpsilon());
      y = new AltUp(engine.config(), outer).begun(tape, y);
    }
    if (backward) {
      tape.backward(y, hidden);
      inputs.parameterGradients().store();
    } else {
      ops.schedule(ops.copy(y, hidden));
    }
    graph = new Graph(backward ? "backward of the embedding" : "embedding", engine.backend(), ops);
  }

  private Tensor embeddings(Engine engine, Ops ops, Tensor tokens) {
    if (source == null) {
      return ops.getRows(inputs.weight("", WEIGHT), tokens);
    }
    int count = engine.shape().tokens();
    Shape shape = Shape.of(source.weight().shape().get(0), count);
    Spec spec = new Spec("embeddings of the batch", source.weight().type(), shape);
    rows = DeviceTensors.allocate(engine.backend(), List.of(spec));
    Tensor inOrder = ops.view(inputs.constant("row_numbers"), Shape.of(count), 0);
    return ops.getRows(ops.constant(rows.get(spec.name())), inOrder);
  }

  void bind(Tensor target) {
    inputs.bind(graph, "", 0);
    graph.bind(hidden, target);
  }

  /// Writes the hidden states of tokens, or reads their gradient and adds to the adapter's.
  void run(int[] tokens, Tensor target) {
    if (source != null && rows != null && (normed || !backward)) {
      try (Arena arena = Arena.ofConfined()) {
        rows.get("embeddings of the batch").upload(source.gather(tokens, arena), 0);
      }
    }
    bind(target);
    graph.compute();
  }

  Graph graph() {
    return graph;
  }

  @Override
  public void close() {
    graph.close();
    if (rows != null) {
      rows.close();
    }
  }
}
