package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Products;
import io.lorikeet.models.autodiff.Tape;
import java.util.ArrayList;
import java.util.List;

/// The forward or the backward pass of one kind of layer: layers whose tensors have the same types
/// and shapes share it. The feed-forward part runs by tiles of tokens.
final class LayerGraph implements AutoCloseable {
  private final GraphInputs inputs;
  private final Tensor input;
  private final Tensor output;
  private final Tensor outputGradient;
  private final Tensor inputGradient;
  private final Graph graph;

  /// A run of tokens.
  private record Tile(int first, int count) {}

  /// @param layer any layer of the kind
  /// @param backward whether this is the layer's backward, which computes the layer again from its
  ///     input, but for attention that was kept
  LayerGraph(Engine engine, int layer, boolean backward) {
    int tokens = engine.shape().tokens();
    List<Tile> tiles = tiles(tokens, engine.shape().tile());
    inputs = new GraphInputs(engine, tokens, backward, tiles.size());
    DecoderLayer definition = new DecoderLayer(engine, inputs, layer);
    input = inputs.hidden("layer_input", tokens);
    output = backward ? null : inputs.hidden("layer_output", tokens);
    outputGradient = backward ? inputs.hidden("output_gradient", tokens) : null;
    inputGradient = backward ? inputs.hidden("input_gradient", tokens) : null;
    if (backward) {
      buildBackward(definition, tiles);
    } else {
      buildForward(definition, tiles);
    }
    String name = (backward ? "backward of layer " : "forward of layer ") + layer;
    graph = new Graph(name, engine.backend(), inputs.ops());
  }

  private static List<Tile> tiles(int tokens, int size) {
    List<Tile> tiles = new ArrayList<>();
    for (int first = 0; first < tokens; first += size) {
      tiles.add(new Tile(first, Math.min(size, tokens - first)));
    }
    return tiles;
  }

  private void buildForward(DecoderLayer layer, List<Tile> tiles) {
    Ops ops = inputs.ops();
    ops.part("attention");
    Tensor h = layer.attentionPart(inputs.newTape(), input);
    ops.part("feed-forward");
    List<Tensor> parts = new ArrayList<>();
    for (Tile tile : tiles) {
      Tensor part = layer.feedForwardPart(inputs.newTape(), slice(h, tile), tile.first());
      ops.schedule(part);
      parts.add(part);
    }
    ops.schedule(ops.copy(Products.concat(ops, parts, 1), output));
  }

  private void buildBackward(DecoderLayer layer, List<Tile> tiles) {
    Ops ops = inputs.ops();
    Tape attention = inputs.newTape();
    ops.part("recomputed: attention");
    Tensor h = layer.attentionPart(attention, input);
    List<Tensor> gradients = new ArrayList<>();
    for (Tile tile : tiles) {
      Tape feedForward = inputs.newTape();
      Tensor part = slice(h, tile);
      ops.part("recomputed: feed-forward");
      Tensor result = layer.feedForwardPart(feedForward, part, tile.first());
      ops.part("backward: feed-forward");
      feedForward.backward(result, slice(outputGradient, tile));
      Tensor gradient = feedForward.gradient(part);
      ops.schedule(gradient);
      gradients.add(gradient);
    }
    ops.part("backward: attention");
    attention.backward(h, Products.concat(ops, gradients, 1));
    ops.schedule(ops.copy(attention.gradient(input), inputGradient));
    inputs.parameterGradients().store();
  }

  private Tensor slice(Tensor x, Tile tile) {
    return inputs
        .ops()
        .view(x, Shape.of(x.shape().ne0(), tile.count()), tile.first() * x.stride(1));
  }

  /// Points the graph at a layer; done once before its memory is allocated, and before every run.
  private void bindLayer(int layer) {
    inputs.bind(graph, Engine.prefix(layer), 0);
  }

  /// Binds everything to some memory of the right shape, as allocation wants it.
  void bindForAllocation(int layer, Tensor hidden) {
    bindLayer(layer);
    graph.bind(input, hidden);
    if (output != null) {
      graph.bind(output, hidden);
    } else {
      graph.bind(outputGradient, hidden);
      graph.bind(inputGradient, hidden);
    }
  }

  /// to = layer(from), both `[embedding, tokens]`.
  void forward(int layer, Tensor from, Tensor to) {
    bindLayer(layer);
    graph.bind(input, from);
    graph.bind(output, to);
    graph.compute();
  }

  /// Replaces `gradient`, of the layer's output, by that of its input, and adds to the adapters'
  /// gradients.
  ///
  /// @param from the input the layer had in forward
  void backward(int layer, Tensor from, Tensor gradient) {
    bindLayer(layer);
    graph.bind(input, from);
    graph.bind(outputGradient, gradient);
    graph.bind(inputGradient, gradient);
    graph.compute();
  }

  Graph graph() {
    return graph;
  }

  @Override
  public void close() {
    graph.close();
  }
}
