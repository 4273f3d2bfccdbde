package io.lorikeet.models.architecture;

import io.lorikeet.bindings.AttentionKernel.Block;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.AttentionMask;

/// Computes attention's masks of a batch, once for all layers and for both directions. On a GPU
/// each of a mask's few small operations would cost its time in every layer.
final class MaskGraph implements AutoCloseable {
  private final GraphInputs inputs;
  private final Graph graph;

  /// @param engine whose inputs have masks
  MaskGraph(Engine engine) {
    inputs = new GraphInputs(engine, engine.shape().tokens(), false, 1);
    add(engine.shape(), false);
    if (engine.inputs().hasWindow()) {
      add(engine.shape(), true);
    }
    graph = new Graph("attention's masks", engine.backend(), inputs.ops());
  }

  private void add(PassShape shape, boolean windowed) {
    Ops ops = inputs.ops();
    int context = shape.context();
    Tensor indices = inputs.constant("indices", context);
    Tensor seenUntil = inputs.constant(PassInputs.seen(windowed), shape.tokens());
    Tensor masks = inputs.constant(PassInputs.mask(windowed));
    for (int row = 0; row < shape.rows(); row++) {
      Block whole = new Block(row * context, 0, 0, context);
      long offset = (long) row * context * context * Float.BYTES;
      Tensor flat = ops.view(masks, Shape.of((long) context * context), offset);
      Tensor place = ops.reshape(flat, Shape.of(context, context));
      ops.schedule(ops.into(AttentionMask.of(ops, indices, seenUntil, whole), place));
    }
  }

  void run() {
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
