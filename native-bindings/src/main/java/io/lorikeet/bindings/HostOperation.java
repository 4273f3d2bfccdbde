package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.UnaryOperator;

/// An operation of a device's graph that the device doesn't have, computed by the CPU: what it
/// reads is copied to the host, and its result back.
final class HostOperation {
  private static final int MOST_SOURCES = 10; // GGML_MAX_SRC

  private final MemorySegment node;

  /// @param node the operation, whose memory is the device's
  HostOperation(MemorySegment node) {
    this.node = node.reinterpret(ggml_tensor.sizeof());
  }

  /// Whether the CPU has an operation.
  static boolean isPossible(MemorySegment node) {
    MemorySegment cpu = Ggml.ggml_backend_dev_by_type(Ggml.GGML_BACKEND_DEVICE_TYPE_CPU());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment twin = twin(node.reinterpret(ggml_tensor.sizeof()), t -> withoutData(arena, t));
      return Ggml.ggml_backend_dev_supports_op(cpu, twin);
    }
  }

  /// Computes it, and waits for its end.
  ///
  /// @return ggml's status
  int compute(Backend cpu) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment twin = twin(node, t -> withData(arena, t));
      int status = GraphRun.computeAlone(cpu, twin);
      if (status == Ggml.GGML_STATUS_SUCCESS()) {
        Ggml.ggml_backend_tensor_set(node, ggml_tensor.data(twin), 0, bytes(node));
      }
      return status;
    }
  }

  /// The operation with copies of its result and of what it reads.
  private static MemorySegment twin(MemorySegment node, UnaryOperator<MemorySegment> copy) {
    MemorySegment twin = copy.apply(node);
    for (int i = 0; i < MOST_SOURCES; i++) {
      MemorySegment source = ggml_tensor.src(node, i);
      if (source.address() != 0) {
        ggml_tensor.src(twin, i, copy.apply(source.reinterpret(ggml_tensor.sizeof())));
      }
    }
    return twin;
  }

  /// A tensor's description, as one of the host's memory: the CPU's operations ask no more of that.
  private static MemorySegment withoutData(Arena arena, MemorySegment tensor) {
    MemorySegment twin = arena.allocate(ggml_tensor.sizeof(), Long.BYTES).copyFrom(tensor);
    ggml_tensor.data(twin, MemorySegment.NULL);
    ggml_tensor.buffer(twin, MemorySegment.NULL);
    ggml_tensor.view_src(twin, MemorySegment.NULL);
    ggml_tensor.extra(twin, MemorySegment.NULL);
    return twin;
  }

  /// The same with what the tensor holds: a result, too, since it may be a view of which the
  /// operation writes a part. Strides stay as they are, and with them the bytes between elements.
  private static MemorySegment withData(Arena arena, MemorySegment tensor) {
    MemorySegment twin = withoutData(arena, tensor);
    MemorySegment data = arena.allocate(bytes(tensor), Long.SIZE);
    Ggml.ggml_backend_tensor_get(tensor, data, 0, bytes(tensor));
    ggml_tensor.data(twin, data);
    return twin;
  }

  private static long bytes(MemorySegment tensor) {
    return Ggml.ggml_nbytes(tensor);
  }
}
