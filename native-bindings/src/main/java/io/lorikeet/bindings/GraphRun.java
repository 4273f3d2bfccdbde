package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How a graph's operations are computed: all on the device, or, where it lacks some of them, in
/// turns with the CPU.
final class GraphRun implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GraphRun.class);

  /// Messages that were logged already.
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private final Backend backend;
  private final MemorySegment graph;

  /// The nodes that the CPU computes, by their places in the graph.
  private final Set<Integer> onHost = new HashSet<>();

  private final List<Stage> stages = new ArrayList<>();

  /// Nodes that are computed at once.
  private sealed interface Stage {
    /// A run of nodes as a graph of its own, or the whole graph.
    ///
    /// @param context the context that owns the part's memory, or null for the whole
    record OnDevice(MemorySegment graph, @Nullable MemorySegment context) implements Stage {}

    /// One node.
    record OnHost(int node) implements Stage {}
  }

  /// @param name the graph's computation in words, for error messages
  /// @param supported whether the device has an operation
  /// @throws GgmlException when neither the device nor the CPU has an operation, naming all such
  GraphRun(String name, Backend backend, MemorySegment graph, Predicate<MemorySegment> supported) {
    this.backend = backend;
    this.graph = graph;
    divide(name, supported);
    plan();
  }

  private void divide(String name, Predicate<MemorySegment> supported) {
    Set<String> lacking = new TreeSet<>();
    for (int i = 0; i < nodes(); i++) {
      MemorySegment node = node(i);
      if (supported.test(node)) {
        continue;
      }
      if (HostOperation.isPossible(node)) {
        onHost.add(i);
        say(node);
      } else {
        lacking.add(describe(node));
      }
    }
    if (!lacking.isEmpty()) {
      throw new GgmlException(
          backend.device().name()
              + " can't compute "
              + name
              + "; it lacks "
              + String.join("; ", lacking));
    }
  }

  private void say(MemorySegment node) {
    String said =
        "%s lacks %s: the CPU computes it, with copies there and back"
            .formatted(backend.device().name(), describe(node));
    if (SAID.add(backend.device().name() + Ggml.ggml_op_desc(node).getString(0))) {
      LOG.warn(said);
    }
  }

  private static String describe(MemorySegment node) {
    StringBuilder text = new StringBuilder(Ggml.ggml_op_desc(node).getString(0)).append(" of ");
    MemorySegment tensor = node.reinterpret(ggml_tensor.sizeof());
    for (int i = 0; i < 3; i++) {
      MemorySegment source = ggml_tensor.src(tensor, i);
      if (source.address() != 0) {
        text.append(i > 0 ? ", " : "").append(new Tensor(source));
      }
    }
    return text.toString();
  }

  private void plan() {
    if (onHost.isEmpty()) {
      stages.add(new Stage.OnDevice(graph, null));
      return;
    }
    int first = 0;
    for (int i = 0; i <= nodes(); i++) {
      if (i == nodes() || onHost.contains(i)) {
        if (i > first) {
          stages.add(part(first, i));
        }
        if (i < nodes()) {
          stages.add(new Stage.OnHost(i));
        }
        first = i + 1;
      }
    }
  }

  private Stage part(int first, int last) {
    MemorySegment context = DeviceTensors.newContext(graphBytes(last - first));
    MemorySegment part = Ggml.ggml_new_graph_custom(context, last - first, false);
    for (int i = first; i < last; i++) {
      Ggml.ggml_graph_add_node(part, node(i));
    }
    return new Stage.OnDevice(part, context);
  }

  private static long graphBytes(int nodes) {
    return Ggml.ggml_graph_overhead_custom(nodes, false) + Ggml.ggml_tensor_overhead();
  }

  /// Operations in the graph.
  int nodes() {
    return Ggml.ggml_graph_n_nodes(graph);
  }

  /// The result of an operation.
  MemorySegment node(int index) {
    return Ggml.ggml_graph_node(graph, index);
  }

  /// Computes all operations, or queues them where the device does.
  ///
  /// @return ggml's status
  int compute() {
    int status = Ggml.GGML_STATUS_SUCCESS();
    for (Stage stage : stages) {
      status =
          switch (stage) {
            case Stage.OnDevice(MemorySegment part, _) -> backend.queue().compute(part);
            case Stage.OnHost(int index) -> onHost(index);
          };
      if (status != Ggml.GGML_STATUS_SUCCESS()) {
        return status;
      }
    }
    return status;
  }

  /// Computes one operation, after those before it, and waits for its end.
  ///
  /// @return ggml's status
  int compute(int index) {
    return onHost.contains(index) ? onHost(index) : computeAlone(backend, node(index));
  }

  private int onHost(int index) {
    backend.finish();
    return new HostOperation(node(index)).compute(backend.cpu());
  }

  /// Computes one operation, and waits for its end.
  ///
  /// @return ggml's status
  static int computeAlone(Backend backend, MemorySegment node) {
    MemorySegment context = DeviceTensors.newContext(graphBytes(1));
    try {
      MemorySegment single = Ggml.ggml_new_graph_custom(context, 1, false);
      Ggml.ggml_graph_add_node(single, node);
      return Ggml.ggml_backend_graph_compute(backend.handle(), single);
    } finally {
      Ggml.ggml_free(context);
    }
  }

  @Override
  public void close() {
    for (Stage stage : stages) {
      if (stage instanceof Stage.OnDevice(_, MemorySegment context) && context != null) {
        Ggml.ggml_free(context);
      }
    }
    stages.clear();
  }
}
