package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The scratch memory that graphs run in, one after the other: as large as the largest of them
/// needs. Nothing in it outlives a graph's run; what must stay is copied into [DeviceTensors] by
/// the graph itself.
public final class GraphMemory implements AutoCloseable {
  private final Backend backend;
  private final MemorySegment allocator;
  private boolean closed;

  public GraphMemory(Backend backend) {
    this.backend = backend;
    allocator = Ggml.ggml_gallocr_new(backend.bufferType());
    NativeResources.opened("graph memory");
  }

  /// Gives every graph its place in this memory. All graphs that share it are allocated by one
  /// call, since growing it later would move what others point to.
  ///
  /// @throws GgmlException when the device hasn't enough memory
  public void allocate(List<Graph> graphs) {
    for (Graph graph : graphs) {
      require(Ggml.ggml_gallocr_reserve(allocator, graph.handle()), graph);
    }
    for (Graph graph : graphs) {
      require(Ggml.ggml_gallocr_alloc_graph(allocator, graph.handle()), graph);
    }
  }

  private void require(boolean success, Graph graph) {
    if (!success) {
      throw new GgmlException(
          "%s hasn't enough memory for %s (%.2f GB free)"
              .formatted(
                  backend.device().name(), graph.name(), backend.deviceNow().memoryFree() / 1e9));
    }
  }

  /// Bytes of device memory in use.
  public long bytes() {
    return Ggml.ggml_gallocr_get_buffer_size(allocator, 0);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Ggml.ggml_gallocr_free(allocator);
      NativeResources.closed("graph memory");
    }
  }
}
