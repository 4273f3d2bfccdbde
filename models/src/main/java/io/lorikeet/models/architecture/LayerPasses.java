package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.architecture.TransformerModel.Pass;
import java.util.List;
import java.util.Map;

/// Takes batches through the embedding and the layers, forward and back. Several batches go through
/// a layer one after the other before the next layer's turn; each then finds its own inputs, hidden
/// states and shared keys again.
///
/// @param graphsByLength the graphs by the tokens of a row
record LayerPasses(Engine engine, HiddenStates states, Map<Integer, PassGraphs> graphsByLength) {

  /// The last hidden states of every pass; those of a single one are in place.
  void forward(List<Pass> together) {
    for (int i = 0; i < together.size(); i++) {
      TokenBatch batch = together.get(i).batch();
      upload(together.get(i));
      graphs(batch).embedding().run(batch.tokens(), states.state(0));
      states.save(i, 0);
    }
    int layers = engine.config().layers();
    for (int layer = 0; layer < layers; layer++) {
      engine.weights().require(layer, layer + 1);
      for (int i = 0; i < together.size(); i++) {
        resume(together, i, layer);
        if (together.size() > 1) {
          restoreKeys(i, layer, false);
        }
        LayerGraph graph = graphs(together.get(i).batch()).forward(layer);
        graph.forward(layer, states.state(layer), states.state(layer + 1));
        states.save(i, layer + 1);
        if (together.size() > 1) {
          saveKeys(i, layer, false);
        }
      }
    }
  }

  /// From the gradient of the last hidden states to those of the adapter in layers and embedding.
  void backward(List<Pass> together) {
    for (int layer = engine.config().layers() - 1; layer >= 0; layer--) {
      engine.weights().require(layer, layer - 1);
      for (int i = 0; i < together.size(); i++) {
        if (together.size() > 1) {
          upload(together.get(i));
          states.restoreGradient(i);
          restoreKeys(i, layer, true);
        }
        Tensor input = states.restoreForBackward(i, layer);
        Tensor gradient = states.gradient();
        graphs(together.get(i).batch()).backward(layer).backward(layer, input, gradient);
        if (together.size() > 1) {
          states.saveGradient(i);
          saveKeys(i, layer, true);
        }
      }
    }
    for (int i = 0; i < together.size(); i++) {
      TokenBatch batch = together.get(i).batch();
      EmbeddingGraph graph = graphs(batch).embeddingBackward();
      if (graph == null) {
        return;
      }
      if (together.size() > 1) {
        upload(together.get(i));
        states.restoreGradient(i);
      }
      graph.run(batch.tokens(), states.gradient());
    }
  }

  private void restoreKeys(int pass, int layer, boolean backward) {
    if (engine.sharedKeyValues() != null) {
      engine.sharedKeyValues().restore(pass, layer, backward);
    }
  }

  private void saveKeys(int pass, int layer, boolean backward) {
    if (engine.sharedKeyValues() != null) {
      engine.sharedKeyValues().save(pass, layer, backward);
    }
  }

  /// Brings back a pass's inputs and one of its states where another pass has had its turn since.
  void resume(List<Pass> together, int i, int state) {
    if (together.size() > 1) {
      upload(together.get(i));
      states.restore(i, state);
    }
  }

  private void upload(Pass pass) {
    engine.inputs().upload(pass.batch());
    graphs(pass.batch()).runMasks();
    if (pass.dropoutSeed().isPresent()) {
      engine.inputs().drawDropout(pass.dropoutSeed().getAsLong());
    } else {
      engine.inputs().suspendDropout();
    }
  }

  /// The graphs for a batch's rows.
  PassGraphs graphs(TokenBatch batch) {
    PassGraphs graphs = graphsByLength.get(batch.context());
    if (graphs == null) {
      throw new IllegalArgumentException(
          "the model isn't built for rows of %s tokens".formatted(batch.context()));
    }
    return graphs;
  }

  /// The last hidden states.
  Tensor last() {
    return states.state(engine.config().layers());
  }
}
