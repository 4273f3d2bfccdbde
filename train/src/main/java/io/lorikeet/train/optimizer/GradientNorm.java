package io.lorikeet.train.optimizer;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.List;

/// The squared Euclidean norm of a long vector on a device, piece by piece, so that its squares are
/// never held whole.
final class GradientNorm implements AutoCloseable {
  private final Tensor vector;
  private final DeviceTensors sum;
  private final List<NormPiece> pieces = new ArrayList<>();
  private GraphMemory memory;

  private record NormPiece(long elements, Tensor part, Graph graph) {}

  /// @param vector F32 `[n]`, in the backend's memory
  GradientNorm(Tensor vector, Backend backend) {
    this.vector = vector;
    sum = DeviceTensors.allocate(backend, List.of(new Spec("sum", TensorType.F32, Shape.of(1))));
    try {
      long elements = vector.shape().elements();
      long piece = Math.min(MomentsUpdate.PIECE, elements);
      pieces.add(piece(backend, piece));
      if (elements % piece != 0) {
        pieces.add(piece(backend, elements % piece));
      }
      pieces.forEach(p -> p.graph().bind(p.part(), vector));
      memory = new GraphMemory(backend);
      memory.allocate(pieces.stream().map(NormPiece::graph).toList());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private NormPiece piece(Backend backend, long elements) {
    Ops ops = new Ops();
    Tensor part = ops.placeholder("part", TensorType.F32, Shape.of(elements));
    Tensor total = ops.constant(sum.get("sum"));
    ops.schedule(ops.copy(ops.add(ops.sum(ops.square(part)), total), total));
    return new NormPiece(elements, part, new Graph("the norm of the gradient", backend, ops));
  }

  /// Has the squares summed.
  ///
  /// @return where the device puts the sum, F32 `[1]`
  Tensor sumSquares() {
    Tensor squares = sum.get("sum");
    squares.upload(new float[1]);
    long elements = vector.shape().elements();
    for (long start = 0; start < elements; ) {
      NormPiece piece =
          elements - start >= pieces.getFirst().elements() ? pieces.getFirst() : pieces.getLast();
      piece.graph().bind(piece.part(), vector, start * Float.BYTES);
      piece.graph().compute();
      start += piece.elements();
    }
    return squares;
  }

  long bytes() {
    return sum.bytes() + memory.bytes();
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
    pieces.forEach(piece -> piece.graph().close());
    sum.close();
  }
}
