package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.OwnedResources;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.lora.LoraTargets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The graphs of a pass over rows of one length. Those for several lengths share the weights, the
/// pass's inputs, the hidden states, of which shorter rows take the beginning, and scratch memory.
final class PassGraphs implements AutoCloseable {
  private final Engine engine;
  private final OwnedResources owned = new OwnedResources();
  private final List<LayerGraph> forward = new ArrayList<>();
  private final List<LayerGraph> backward = new ArrayList<>();
  private final List<LossHead> lossHeads = new ArrayList<>();
  private final List<LossHead> gradientHeads = new ArrayList<>();
  private final List<LossHead> distributionHeads = new ArrayList<>();
  private final List<LossHead> divergenceHeads = new ArrayList<>();
  private final List<LogitsHead> logitsHeads = new ArrayList<>();
  private final EmbeddingGraph embedding;
  private final @Nullable EmbeddingGraph embeddingBackward;
  private final @Nullable MaskGraph masks;

  /// @param engine with the shape of these rows
  /// @param options whether there is training, and which kinds of [Objective] batches come with
  PassGraphs(Engine engine, ModelOptions options) {
    this.engine = engine;
    try {
      masks = engine.inputs().hasMasks() ? owned.add(new MaskGraph(engine)) : null;
      embedding = owned.add(new EmbeddingGraph(engine, false));
      boolean adaptsEmbedding = engine.slot(LoraTargets.EMBEDDING).isPresent();
      embeddingBackward =
          options.training() && adaptsEmbedding
              ? owned.add(new EmbeddingGraph(engine, true))
              : null;
      buildLayers(options.training());
      buildHeads(options);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /// Layers whose tensors have the same types and shapes, and the same adapters, share their
  /// graphs.
  private List<Object> kind(int layer) {
    List<Object> kind = new ArrayList<>();
    String prefix = Engine.prefix(layer);
    kind.add(engine.config().layer(layer));
    for (String name : engine.weights().namesUnder(prefix)) {
      Tensor tensor = engine.weights().get(prefix + name);
      kind.add(List.of(name, tensor.type(), tensor.shape()));
      engine
          .slot(prefix + name)
          .map(slot -> List.of(slot.rank(), slot.scaling()))
          .ifPresent(kind::add);
    }
    return kind;
  }

  private void buildLayers(boolean training) {
    Map<List<Object>, LayerGraph> forwards = new HashMap<>();
    Map<List<Object>, LayerGraph> backwards = new HashMap<>();
    for (int i = 0; i < engine.config().layers(); i++) {
      int layer = i;
      List<Object> kind = kind(layer);
      forward.add(
          forwards.computeIfAbsent(kind, k -> owned.add(new LayerGraph(engine, layer, false))));
      if (training) {
        backward.add(
            backwards.computeIfAbsent(kind, k -> owned.add(new LayerGraph(engine, layer, true))));
      }
    }
  }

  private void buildHeads(ModelOptions options) {
    for (int tokens : parts(LossHead.run(engine))) {
      lossHeads.add(owned.add(new LossHead(engine, tokens, LossHead.Kind.LOSSES)));
      if (options.training()) {
        gradientHeads.add(owned.add(new LossHead(engine, tokens, LossHead.Kind.GRADIENTS)));
      }
      if (options.training() && options.listed() > 0) {
        distributionHeads.add(
            owned.add(new LossHead(engine, tokens, LossHead.Kind.GRADIENTS_OF_DISTRIBUTIONS)));
      }
      if (options.training() && options.diverges()) {
        divergenceHeads.add(
            owned.add(new LossHead(engine, tokens, LossHead.Kind.GRADIENTS_OF_DIVERGENCE)));
      }
    }
    for (int tokens : parts(Math.min(engine.shape().headChunk(), engine.shape().tokens()))) {
      logitsHeads.add(owned.add(new LogitsHead(engine, tokens)));
    }
  }

  /// Lengths of the parts of that many tokens which a pass is cut into: theirs, and that of what is
  /// left.
  private int[] parts(int tokens) {
    int rest = engine.shape().tokens() % tokens;
    return rest == 0 ? new int[] {tokens} : new int[] {tokens, rest};
  }

  /// All graphs, bound to some memory of the right shape, as allocation wants them.
  ///
  /// @param losses F32 `[tokens]`
  List<Graph> bindForAllocation(Tensor hidden, Tensor losses) {
    List<Graph> graphs = new ArrayList<>();
    if (masks != null) {
      graphs.add(masks.graph());
    }
    embedding.bind(hidden);
    graphs.add(embedding.graph());
    if (embeddingBackward != null) {
      embeddingBackward.bind(hidden);
      graphs.add(embeddingBackward.graph());
    }
    for (List<LayerGraph> layers : List.of(forward, backward)) {
      for (int layer = 0; layer < layers.size(); layer++) {
        LayerGraph graph = layers.get(layer);
        if (!graphs.contains(graph.graph())) {
          graph.bindForAllocation(layer, hidden);
          graphs.add(graph.graph());
        }
      }
    }
    for (List<LossHead> heads :
        List.of(lossHeads, gradientHeads, distributionHeads, divergenceHeads)) {
      for (LossHead head : heads) {
        head.bind(0, hidden, hidden, losses);
        graphs.add(head.graph());
      }
    }
    for (LogitsHead head : logitsHeads) {
      head.bind(0, hidden);
      graphs.add(head.graph());
    }
    return graphs;
  }

  /// How these rows are cut.
  PassShape shape() {
    return engine.shape();
  }

  /// Computes attention's masks of the batch that was uploaded, where there are any.
  void runMasks() {
    if (masks != null) {
      masks.run();
    }
  }

  EmbeddingGraph embedding() {
    return embedding;
  }

  /// Null where nothing of the embedding is trained.
  @Nullable EmbeddingGraph embeddingBackward() {
    return embeddingBackward;
  }

  LayerGraph forward(int layer) {
    return forward.get(layer);
  }

  LayerGraph backward(int layer) {
    return backward.get(layer);
  }

  /// Runs the heads that only compute losses.
  ///
  /// @param states the last hidden states
  /// @param losses where those of the tokens go, F32 `[tokens]`
  void runLoss(Tensor states, Tensor losses) {
    runHeads(lossHeads, states, null, losses);
  }

  /// Runs the heads that compute losses and gradients.
  ///
  /// @param states the last hidden states
  /// @param gradients where theirs go
  /// @param losses as [#runLoss] takes them
  void runGradients(Tensor states, Tensor gradients, Tensor losses) {
    runHeads(gradientHeads, states, gradients, losses);
  }

  /// As [#runGradients], of [Objective.Distributions].
  void runGradientsOfDistributions(Tensor states, Tensor gradients, Tensor losses) {
    runHeads(distributionHeads, states, gradients, losses);
  }

  /// As [#runGradients], of [Objective.FromBase].
  void runGradientsOfDivergence(Tensor states, Tensor gradients, Tensor losses) {
    runHeads(divergenceHeads, states, gradients, losses);
  }

  private void runHeads(
      List<LossHead> heads, Tensor states, @Nullable Tensor gradients, Tensor losses) {
    int tokens = engine.shape().tokens();
    int run = heads.getFirst().tokens();
    for (int first = 0; first < tokens; first += run) {
      LossHead head = tokens - first >= run ? heads.getFirst() : heads.getLast();
      head.run(first, states, gradients, losses);
    }
  }

  /// Heads for whole chunks of tokens, and for what is left of them.
  List<LogitsHead> logitsHeads() {
    return logitsHeads;
  }

  @Override
  public void close() {
    owned.close();
  }
}
