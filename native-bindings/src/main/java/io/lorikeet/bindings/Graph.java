package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/// Operations in the order they run, built once and run many times. The same graph serves every
/// layer of a kind: its placeholders are pointed at one layer's weights after the other.
public final class Graph implements AutoCloseable {
  /// Tensors that a graph can have.
  public static final int MOST_TENSORS = OpList.CAPACITY;

  private final String name;
  private final Backend backend;
  private final Ops ops;
  private final MemorySegment context;
  private final MemorySegment handle;
  private GraphRun run;
  private final Map<Tensor, List<Tensor>> viewsOfPlaceholders = new HashMap<>();
  private boolean closed;

  /// Builds a graph of everything that `ops` was told to run. The graph owns `ops` from then on.
  ///
  /// @param name its computation in words, for error messages
  /// @throws GgmlException when neither the device nor the CPU has an operation, naming all such
  public Graph(String name, Backend backend, Ops ops) {
    this(name, backend, ops, backend::supports);
  }

  /// @param supported whether the device has an operation; those it lacks are left to the CPU
  Graph(String name, Backend backend, Ops ops, Predicate<MemorySegment> supported) {
    this.name = name;
    this.backend = backend;
    this.ops = ops;
    int capacity = ops.tensors().size() + 1;
    context =
        DeviceTensors.newContext(
            Ggml.ggml_graph_overhead_custom(capacity, false) + Ggml.ggml_tensor_overhead());
    handle = Ggml.ggml_new_graph_custom(context, capacity, false);
    NativeResources.opened("graph");
    ops.tensors().forEach(tensor -> tensor.belongTo(backend.queue()));
    try {
      for (Tensor output : ops.scheduled()) {
        Ggml.ggml_build_forward_expand(handle, output.handle());
      }
      run = new GraphRun(name, backend, handle, supported);
      collectViews();
      ops.forgetTensors();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void collectViews() {
    Map<Long, Tensor> placeholders = new HashMap<>();
    for (Tensor placeholder : ops.placeholders()) {
      placeholders.put(placeholder.handle().address(), placeholder);
      viewsOfPlaceholders.put(placeholder, new ArrayList<>());
    }
    for (Tensor tensor : ops.tensors()) {
      Tensor source = placeholders.get(ggml_tensor.view_src(tensor.handle()).address());
      if (source != null) {
        viewsOfPlaceholders.computeIfAbsent(source, _ -> new ArrayList<>()).add(tensor);
      }
    }
  }

  /// Points a placeholder, and all views of it, at a tensor's memory.
  public void bind(Tensor placeholder, Tensor target) {
    bind(placeholder, target, 0);
  }

  /// Points a placeholder at a part of a tensor's memory.
  ///
  /// @param offset bytes into the target; for a matrix a multiple of the backend's alignment, else
  ///     of an element's size
  /// @throws GgmlException when the type differs, the part isn't inside or begins elsewhere
  public void bind(Tensor placeholder, Tensor target, long offset) {
    requireOpen();
    List<Tensor> views = viewsOfPlaceholders.get(placeholder);
    if (views == null) {
      throw new GgmlException(placeholder + " isn't a placeholder of " + name);
    }
    if (placeholder.type() != target.type()
        || !target.isAllocated()
        || offset < 0
        || offset > target.bytes() - placeholder.bytes()) {
      throw new GgmlException(
          placeholder
              + " of "
              + name
              + " can't stand for "
              + target
              + " from byte "
              + offset
              + " on");
    }
    // Kernels read matrices several values at a time, and vectors of one number per token singly.
    long alignment =
        placeholder.shape().rows() > 1 ? backend.alignment() : placeholder.type().blockBytes();
    if (offset % alignment != 0) {
      throw new GgmlException(
          "%s of %s can't begin at byte %s of %s, which isn't a multiple of %s"
              .formatted(placeholder, name, offset, target, alignment));
    }
    placeholder.bindTo(target, offset);
    for (Tensor view : views) {
      view.bindTo(placeholder, ggml_tensor.view_offs(view.handle()));
    }
  }

  /// Runs the graph, after everything that the device was asked for before. A GPU may not have come
  /// to it yet when this returns; whoever reads a tensor waits for it.
  ///
  /// @throws GgmlException when the device reports a failure
  public void compute() {
    requireOpen();
    if (backend.isPlanning()) {
      throw new IllegalStateException(name + " was only planned");
    }
    CurrentOperation.set(name);
    int status =
        backend
            .profile()
            .map(profile -> profile.compute(name, backend, run, ops::partOf))
            .orElseGet(run::compute);
    backend.kernelLibrary().ifPresent(KernelLibrary::rethrow);
    if (status != Ggml.GGML_STATUS_SUCCESS()) {
      throw new GgmlException(
          backend.device().name()
              + " failed to compute "
              + name
              + ": "
              + Ggml.ggml_status_to_string(status).getString(0));
    }
  }

  public String name() {
    return name;
  }

  /// Operations in the graph.
  public int nodes() {
    return run.nodes();
  }

  /// The result of an operation.
  MemorySegment node(int index) {
    return run.node(index);
  }

  MemorySegment handle() {
    requireOpen();
    for (Tensor placeholder : viewsOfPlaceholders.keySet()) {
      if (!placeholder.isAllocated()) {
        throw new GgmlException(placeholder + " of " + name + " isn't bound to anything");
      }
    }
    return handle;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(name + " is closed");
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (run != null) {
      run.close();
    }
    Ggml.ggml_free(context);
    ops.close();
    NativeResources.closed("graph");
  }
}
