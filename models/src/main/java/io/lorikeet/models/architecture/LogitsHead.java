package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;

/// The logits of a chunk of tokens, from their last hidden states.
final class LogitsHead implements AutoCloseable {
  private final int tokens;
  private final GraphInputs inputs;
  private final Tensor hidden;
  private final Tensor logits;
  private final Graph graph;

  /// @param tokens tokens of a chunk
  LogitsHead(Engine engine, int tokens) {
    this.tokens = tokens;
    inputs = new GraphInputs(engine, tokens, false, 1);
    hidden = inputs.hidden("last_hidden", tokens);
    logits = new OutputHead(engine, inputs).logits(inputs.newTape(), hidden, 0);
    // The result of the last operation stays in the scratch memory until another graph runs.
    Ops ops = inputs.ops();
    ops.schedule(logits);
    graph = new Graph("the head's logits", engine.backend(), ops);
  }

  /// Points the head at the chunk that begins at token `first`.
  ///
  /// @param states the last hidden states of all tokens
  void bind(int first, Tensor states) {
    inputs.bind(graph, "", first);
    graph.bind(hidden, states, first * states.stride(1));
  }

  void run(int first, Tensor states) {
    bind(first, states);
    graph.compute();
  }

  /// `[vocabulary, tokens]`, until another graph runs.
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
