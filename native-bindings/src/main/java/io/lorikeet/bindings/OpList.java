package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/// The parts of a graph under construction, and the checks that its operations share.
abstract sealed class OpList implements AutoCloseable permits Ops {
  static final int CAPACITY = 1 << 20;

  final MemorySegment context;
  private List<Tensor> tensors = new ArrayList<>();
  private final List<Tensor> placeholders = new ArrayList<>();
  private final List<Tensor> scheduled = new ArrayList<>();
  private final NavigableMap<Long, String> parts = new TreeMap<>();
  private String part = "";
  private boolean partBegins;
  private boolean closed;

  OpList() {
    NativeLibrary.load();
    context = DeviceTensors.newContext((Ggml.ggml_tensor_overhead() + 64) * CAPACITY);
    NativeResources.opened("operations");
  }

  MemorySegment context() {
    return context;
  }

  List<Tensor> tensors() {
    return tensors;
  }

  /// Gives the tensors up, of which a graph of many blocks has a million.
  void forgetTensors() {
    tensors = List.of();
  }

  List<Tensor> placeholders() {
    return placeholders;
  }

  List<Tensor> scheduled() {
    return Collections.unmodifiableList(scheduled);
  }

  /// Names what the operations that follow are part of, for [Profile].
  public void part(String name) {
    part = name;
    partBegins = true;
  }

  /// The name of the part that an operation's result belongs to.
  ///
  /// @param address of the result
  String partOf(long address) {
    // A context lays tensors out one behind the other.
    Map.Entry<Long, String> part = parts.floorEntry(address);
    return part == null ? "" : part.getValue();
  }

  /// Has the graph compute `tensor`, and all it needs, after everything scheduled before.
  public void schedule(Tensor tensor) {
    scheduled.add(tensor);
  }

  /// A tensor whose memory is given later, by [Graph#bind].
  public Tensor placeholder(String name, TensorType type, Shape shape) {
    type.rowBytes(shape.ne0());
    begin("placeholder");
    Tensor tensor =
        made(Ggml.ggml_new_tensor_4d(
                context, type.id(), shape.ne0(), shape.ne1(), shape.ne2(), shape.ne3()))
            .named(name);
    placeholders.add(tensor);
    return tensor;
  }

  /// A placeholder like `tensor`, bound to it from the start.
  public Tensor constant(Tensor tensor) {
    Tensor placeholder = placeholder(tensor.name(), tensor.type(), tensor.shape());
    placeholder.bindTo(tensor, 0);
    return placeholder;
  }

  /// A function that ggml calls to compute an operation.
  ///
  /// @param function an upcall stub for a `ggml_custom_op_t`, which must live as long as the graph
  ///     is computed
  /// @param userData handed to it
  /// @param tasks threads that it is called on
  public record Callback(MemorySegment function, long userData, int tasks) {}

  /// An operation that calls back for its result.
  public Tensor custom(
      String name, TensorType type, Shape shape, Callback callback, Tensor... sources) {
    begin(name);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment arguments = arena.allocate(ValueLayout.ADDRESS, sources.length);
      for (int i = 0; i < sources.length; i++) {
        arguments.setAtIndex(ValueLayout.ADDRESS, i, sources[i].handle());
      }
      return made(Ggml.ggml_custom_4d(
              context,
              type.id(),
              shape.ne0(),
              shape.ne1(),
              shape.ne2(),
              shape.ne3(),
              arguments,
              sources.length,
              callback.function(),
              callback.tasks(),
              MemorySegment.ofAddress(callback.userData())))
          .named(name);
    }
  }

  // Checks.

  static boolean isFloat(TensorType type) {
    return type == TensorType.F32 || type == TensorType.F16 || type == TensorType.BF16;
  }

  static boolean holdsReals(Tensor tensor) {
    return holdsReals(tensor.type());
  }

  static boolean holdsReals(TensorType type) {
    return isFloat(type) || type.isQuantized();
  }

  static boolean isMatrix(Tensor tensor) {
    return tensor.shape().ne2() == 1 && tensor.shape().ne3() == 1;
  }

  /// Whether the elements of each row lie side by side.
  public static boolean hasDenseRows(Tensor tensor) {
    return tensor.stride(0) == tensor.type().blockBytes();
  }

  /// Whether the elements of each column lie side by side, and those of rows don't: a transpose.
  public static boolean hasDenseColumns(Tensor tensor) {
    return tensor.stride(1) == tensor.type().blockBytes() && tensor.stride(0) > tensor.stride(1);
  }

  final void requireRepeats(String operation, Tensor a, Tensor b) {
    requireF32(operation, a, b);
    require(b.shape().repeatsTo(a.shape()) && hasDenseRows(a) && hasDenseRows(b), operation, a, b);
  }

  void requireSameShape(String operation, Tensor a, Tensor b) {
    require(a.shape().equals(b.shape()), operation, a, b);
  }

  void requireF32(String operation, Tensor... operands) {
    for (Tensor operand : operands) {
      require(operand.type() == TensorType.F32, operation, operands);
    }
  }

  void requireContiguousF32(String operation, Tensor... operands) {
    for (Tensor operand : operands) {
      require(operand.type() == TensorType.F32 && operand.isContiguous(), operation, operands);
    }
  }

  public final void require(boolean condition, String operation, Tensor... operands) {
    begin(operation);
    if (!condition) {
      StringBuilder message = new StringBuilder(operation + " can't take ");
      for (int i = 0; i < operands.length; i++) {
        message.append(i > 0 ? " and " : "").append(operands[i]);
        message.append(operands[i].isContiguous() ? "" : " (not contiguous)");
      }
      throw new GgmlException(message.toString());
    }
  }

  final void begin(String operation) {
    if (closed) {
      throw new IllegalStateException("these operations are closed");
    }
    if (tensors.size() >= CAPACITY - 1) {
      throw new GgmlException("a graph can't have more than " + CAPACITY + " tensors");
    }
    CurrentOperation.set(operation);
  }

  Tensor made(MemorySegment address) {
    Tensor tensor = new Tensor(address);
    tensors.add(tensor);
    if (partBegins) {
      parts.put(address.address(), part);
      partBegins = false;
    }
    return tensor;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Ggml.ggml_free(context);
      NativeResources.closed("operations");
    }
  }
}
