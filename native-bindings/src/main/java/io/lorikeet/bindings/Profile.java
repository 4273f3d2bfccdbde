package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Where the time of a backend's graphs goes. While one is collected, graphs are computed one
/// operation at a time, each waited for, which takes a little longer than usual.
public final class Profile {
  private final Map<Entry, Long> nanoseconds = new TreeMap<>();

  /// An operation in a part of a graph.
  ///
  /// @param graph the graph's name
  /// @param part what [Ops#part] named
  /// @param operation ggml's name of the operation, or our own
  public record Entry(String graph, String part, String operation) implements Comparable<Entry> {
    @Override
    public int compareTo(Entry other) {
      int byGraph = graph.compareTo(other.graph);
      int byPart = byGraph != 0 ? byGraph : part.compareTo(other.part);
      return byPart != 0 ? byPart : operation.compareTo(other.operation);
    }
  }

  /// Runs `work` and collects where the time of what it computes on `backend` goes.
  public static Profile of(Backend backend, Runnable work) {
    Profile profile = new Profile();
    backend.setProfile(Optional.of(profile));
    try {
      work.run();
    } finally {
      backend.setProfile(Optional.empty());
    }
    return profile;
  }

  /// Nanoseconds by operation.
  public Map<Entry, Long> nanoseconds() {
    return Map.copyOf(nanoseconds);
  }

  /// Computes a graph's operations one after the other.
  ///
  /// @param parts parts of the graph by the addresses of their tensors
  /// @return ggml's status of the first that failed, or of success
  int compute(Backend backend, String name, MemorySegment graph, Map<Long, String> parts) {
    int count = Ggml.ggml_graph_n_nodes(graph);
    long size = Ggml.ggml_graph_overhead_custom(1, false) + Ggml.ggml_tensor_overhead();
    for (int i = 0; i < count; i++) {
      MemorySegment node = Ggml.ggml_graph_node(graph, i);
      String operation = operation(node);
      MemorySegment context = DeviceTensors.newContext(size);
      try {
        MemorySegment single = Ggml.ggml_new_graph_custom(context, 1, false);
        Ggml.ggml_graph_add_node(single, node);
        long start = System.nanoTime();
        int status = Ggml.ggml_backend_graph_compute(backend.handle(), single);
        long end = System.nanoTime();
        if (status != Ggml.GGML_STATUS_SUCCESS()) {
          return status;
        }
        String part = parts.getOrDefault(node.address(), "");
        nanoseconds.merge(new Entry(name, part, operation), end - start, Long::sum);
      } finally {
        Ggml.ggml_free(context);
      }
    }
    return Ggml.GGML_STATUS_SUCCESS();
  }

  private static String operation(MemorySegment node) {
    String operation = Ggml.ggml_op_desc(node).getString(0);
    return operation.equals("CUSTOM") ? new Tensor(node).name() : operation;
  }
}
