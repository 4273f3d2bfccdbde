package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The scratch memory that graphs run in, one after the other: as large as the largest of them
/// needs. Nothing in it outlives a graph's run; what must stay is copied into [DeviceTensors] by
/// the graph itself.
public final class GraphMemory implements AutoCloseable {
  private final Backend backend;
  private final List<MemorySegment> allocators = new ArrayList<>();
  private long plannedBytes;
  private long scratchBytes;
  private boolean closed;

  public GraphMemory(Backend backend) {
    this.backend = backend;
    NativeResources.opened("graph memory");
  }

  /// Gives every graph its place in this memory. All graphs that share it are allocated by one
  /// call, since growing it later would move what others point to.
  ///
  /// @throws GgmlException when the device hasn't enough memory
  public void allocate(List<Graph> graphs) {
    if (backend.isPlanning()) {
      plan(graphs);
    } else {
      allocateNow(graphs);
    }
    DeviceTraits.Scratch scratch = backend.traits().scratch(graphs);
    scratchBytes = scratch.bytes();
    if (!backend.isPlanning()) {
      scratch.reserve(backend);
    }
  }

  private void allocateNow(List<Graph> graphs) {
    MemorySegment shared = newAllocator();
    for (Graph graph : graphs) {
      reserve(shared, graph);
    }
    if (Long.compareUnsigned(bytes(), largestBuffer()) > 0) {
      allocateApart(graphs);
      return;
    }
    for (Graph graph : graphs) {
      place(shared, graph);
    }
  }

  private void plan(List<Graph> graphs) {
    long largest = 0;
    long sum = 0;
    for (Graph graph : graphs) {
      long bytes = wanted(graph, backend.bufferType());
      largest = Math.max(largest, bytes);
      sum += bytes;
    }
    boolean shared = Long.compareUnsigned(largest, largestBuffer()) <= 0;
    plannedBytes = shared ? largest : sum;
  }

  /// Bytes that a graph would take, from ggml's own allocator.
  private static long wanted(Graph graph, MemorySegment bufferType) {
    MemorySegment allocator = Ggml.ggml_gallocr_new(bufferType);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
      Ggml.ggml_gallocr_reserve_n_size(
          allocator, graph.handle(), MemorySegment.NULL, MemorySegment.NULL, size);
      return size.get(ValueLayout.JAVA_LONG, 0);
    } finally {
      Ggml.ggml_gallocr_free(allocator);
    }
  }

  private long largestBuffer() {
    return Ggml.ggml_backend_buft_get_max_size(backend.bufferType());
  }

  /// Memory larger than the device's largest buffer is in pieces, each as large as one graph wants
  /// it. Another graph would have them made anew, and take away what the first one points to.
  private void allocateApart(List<Graph> graphs) {
    freeAll();
    for (Graph graph : graphs) {
      place(newAllocator(), graph);
    }
  }

  private MemorySegment newAllocator() {
    MemorySegment allocator = Ggml.ggml_gallocr_new(backend.bufferType());
    allocators.add(allocator);
    return allocator;
  }

  private void reserve(MemorySegment allocator, Graph graph) {
    require(Ggml.ggml_gallocr_reserve(allocator, graph.handle()), graph);
  }

  /// Reserves once more: the allocator would take the plan it made last for this graph's when their
  /// tensors are as many and as large, although they live longer or shorter.
  private void place(MemorySegment allocator, Graph graph) {
    reserve(allocator, graph);
    require(Ggml.ggml_gallocr_alloc_graph(allocator, graph.handle()), graph);
  }

  private void require(boolean success, Graph graph) {
    if (!success) {
      throw new GgmlException(
          String.format(
              Locale.ROOT,
              "%s hasn't enough memory for %s (%.2f GB free)",
              backend.device().name(),
              graph.name(),
              backend.deviceNow().memoryFree() / 1e9));
    }
  }

  /// Bytes of device memory in use, or that would be where it is only planned.
  public long bytes() {
    return plannedBytes
        + allocators.stream()
            .mapToLong(allocator -> Ggml.ggml_gallocr_get_buffer_size(allocator, 0))
            .sum();
  }

  /// Bytes of device memory that the device's library takes for itself to run these graphs, once
  /// for all graphs of a backend: not part of [#bytes].
  public long scratchBytes() {
    return scratchBytes;
  }

  private void freeAll() {
    backend.finish();
    allocators.forEach(Ggml::ggml_gallocr_free);
    allocators.clear();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      freeAll();
      NativeResources.closed("graph memory");
    }
  }
}
