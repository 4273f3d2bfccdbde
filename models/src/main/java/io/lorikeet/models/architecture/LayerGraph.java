package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Joining;
import io.lorikeet.models.autodiff.Tape;
import java.util.ArrayList;
import java.util.List;

/// The forward or the backward pass of one kind of layer: layers whose tensors have the same types
/// and shapes share it. Branches that don't mix tokens run by tiles of them.
final class LayerGraph implements AutoCloseable {
  private final GraphInputs inputs;
  private final List<Tile> tiles;
  private final Tensor input;

  /// In forward the layer's output. In backward the gradients of its output and of its input, in
  /// the same memory.
  private final List<Tensor> results;

  private final Graph graph;

  /// A run of tokens.
  private record Tile(int first, int count) {}

  /// @param layer any layer of the kind
  /// @param backward whether this is the layer's backward, which computes the layer again from its
  ///     input, but for attention that was kept
  LayerGraph(Engine engine, int layer, boolean backward) {
    int tokens = engine.shape().tokens();
    tiles = tiles(tokens, engine.shape().tile());
    inputs = new GraphInputs(engine, tokens, backward, tiles.size());
    List<Branch> branches = DecoderLayer.branches(engine, inputs, layer);
    input = inputs.hidden("layer_input", tokens);
    if (backward) {
      Tensor dOutput = inputs.hidden("output_gradient", tokens);
      Tensor dInput = inputs.hidden("input_gradient", tokens);
      results = List.of(dOutput, dInput);
      buildBackward(branches, dOutput, dInput);
    } else {
      Tensor output = inputs.hidden("layer_output", tokens);
      results = List.of(output);
      buildForward(branches, output);
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

  private void buildForward(List<Branch> branches, Tensor output) {
    Tensor x = input;
    for (Branch branch : branches) {
      x = forward(branch.name(), branch, x);
    }
    ops().schedule(ops().copy(x, output));
  }

  private Tensor forward(String part, Branch branch, Tensor x) {
    ops().part(part);
    if (branch.mixesTokens()) {
      return branch.apply(inputs.newTape(), x, 0);
    }
    List<Tensor> results = new ArrayList<>();
    for (Tile tile : tiles) {
      Tensor y = branch.apply(inputs.newTape(), slice(x, tile), tile.first());
      ops().schedule(y);
      results.add(y);
    }
    return Joining.concat(ops(), results, 1);
  }

  private void buildBackward(List<Branch> branches, Tensor dOutput, Tensor dInput) {
    Tensor gradient = backward(branches, input, dOutput);
    ops().schedule(ops().copy(gradient, dInput));
    inputs.parameterGradients().store();
  }

  /// The gradient of x, the input of the first of these branches: computes that branch again, then
  /// the others forward and backward, then the first one backward. A branch that doesn't mix tokens
  /// is computed again tile by tile, each right before its own backward.
  private Tensor backward(List<Branch> branches, Tensor x, Tensor dOutput) {
    if (branches.isEmpty()) {
      return dOutput;
    }
    Branch branch = branches.getFirst();
    List<Branch> others = branches.subList(1, branches.size());
    if (branch.mixesTokens()) {
      Tape tape = inputs.newTape();
      Tensor y = again(branch, tape, x, 0);
      Tensor dy = backward(others, y, dOutput);
      return gradient(branch, tape, x, y, dy);
    }
    Tensor dy =
        others.isEmpty()
            ? dOutput
            : backward(others, forward(recomputed(branch), branch, x), dOutput);
    List<Tensor> gradients = new ArrayList<>();
    for (Tile tile : tiles) {
      Tape tape = inputs.newTape();
      Tensor part = slice(x, tile);
      Tensor y = again(branch, tape, part, tile.first());
      Tensor gradient = gradient(branch, tape, part, y, slice(dy, tile));
      ops().schedule(gradient);
      gradients.add(gradient);
    }
    return Joining.concat(ops(), gradients, 1);
  }

  private static String recomputed(Branch branch) {
    return "recomputed: " + branch.name();
  }

  private Tensor again(Branch branch, Tape tape, Tensor x, int firstToken) {
    ops().part(recomputed(branch));
    return branch.apply(tape, x, firstToken);
  }

  private Tensor gradient(Branch branch, Tape tape, Tensor x, Tensor y, Tensor dy) {
    ops().part("backward: " + branch.name());
    tape.backward(y, dy);
    return tape.gradient(x);
  }

  private Ops ops() {
    return inputs.ops();
  }

  private Tensor slice(Tensor x, Tile tile) {
    return ops().view(x, Shape.of(x.shape().ne0(), tile.count()), tile.first() * x.stride(1));
  }

  /// Points the graph at a layer; done once before its memory is allocated, and before every run.
  private void bind(int layer, Tensor from, Tensor to) {
    inputs.bindLayer(graph, layer);
    graph.bind(input, from);
    results.forEach(result -> graph.bind(result, to));
  }

  /// Binds everything to some memory of the right shape, as allocation wants it.
  void bindForAllocation(int layer, Tensor hidden) {
    bind(layer, hidden, hidden);
  }

  /// to = layer(from), both `[embedding, tokens]`.
  void forward(int layer, Tensor from, Tensor to) {
    bind(layer, from, to);
    graph.compute();
  }

  /// Replaces `gradient`, of the layer's output, by that of its input, and adds to the adapters'
  /// gradients.
  ///
  /// @param from the input the layer had in forward
  void backward(int layer, Tensor from, Tensor gradient) {
    bind(layer, from, gradient);
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
