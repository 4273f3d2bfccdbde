package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.onednn.OneDnn;
import io.lorikeet.onednn.dnnl_exec_arg_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/// A primitive of oneDNN, compiled for operands of some shapes. For one thread at a time: it may
/// have scratch memory.
final class OneDnnPrimitive implements AutoCloseable {

  /// An operand.
  ///
  /// @param role its argument of oneDNN's primitive, one of `DNNL_ARG_…`
  /// @param type F32, BF16 or I8
  /// @param sizes slowest dimension first
  /// @param strides of each dimension, in elements
  record Operand(int role, TensorType type, List<Long> sizes, List<Long> strides) {

    /// A contiguous one.
    static Operand contiguous(int role, TensorType type, long rows, long columns) {
      return new Operand(role, type, List.of(rows, columns), List.of(columns, 1L));
    }
  }

  /// Asks oneDNN for the description of a primitive.
  @FunctionalInterface
  interface PrimitiveRequest {

    /// @param scratch memory for the request
    /// @param out where the description's address goes
    /// @param operands descriptions of the operands
    /// @return oneDNN's status
    int ask(Arena scratch, MemorySegment out, List<MemorySegment> operands);
  }

  private final Arena arena = Arena.ofShared();
  private final MemorySegment stream;
  private final MemorySegment arguments;
  private final List<MemorySegment> memories = new ArrayList<>();
  private MemorySegment primitive = MemorySegment.NULL;

  /// @param engine a CPU engine of oneDNN
  /// @param stream a stream of it that only this thread uses
  /// @param purpose its computation in words, for errors
  /// @throws GgmlException when oneDNN can't compute it
  OneDnnPrimitive(
      MemorySegment engine,
      MemorySegment stream,
      String purpose,
      List<Operand> operands,
      PrimitiveRequest request) {
    this.stream = stream;
    arguments = dnnl_exec_arg_t.allocateArray(operands.size(), arena);
    List<MemorySegment> descriptions = new ArrayList<>();
    try (Arena scratch = Arena.ofConfined()) {
      for (Operand operand : operands) {
        descriptions.add(description(scratch, operand));
      }
      primitive = compile(scratch, descriptions, purpose, request);
      for (int i = 0; i < operands.size(); i++) {
        memories.add(memory(scratch, descriptions.get(i), engine));
        MemorySegment argument = dnnl_exec_arg_t.asSlice(arguments, i);
        dnnl_exec_arg_t.arg(argument, operands.get(i).role());
        dnnl_exec_arg_t.memory(argument, memories.get(i));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    } finally {
      descriptions.forEach(OneDnn::dnnl_memory_desc_destroy);
    }
  }

  private static MemorySegment description(Arena scratch, Operand operand) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(
        OneDnn.dnnl_memory_desc_create_with_strides(
            out,
            operand.sizes().size(),
            longs(scratch, operand.sizes()),
            type(operand.type()),
            longs(scratch, operand.strides())),
        "describe a matrix");
    return out.get(ADDRESS, 0);
  }

  private static MemorySegment longs(Arena scratch, List<Long> values) {
    long[] array = values.stream().mapToLong(Long::longValue).toArray();
    return scratch.allocateFrom(JAVA_LONG, array);
  }

  /// Hands out attributes to describe a primitive with, for as long as it takes.
  ///
  /// @return the result of `use`
  static int withAttributes(Arena scratch, ToIntFunction<MemorySegment> use) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(OneDnn.dnnl_primitive_attr_create(out), "describe a computation");
    MemorySegment attributes = out.get(ADDRESS, 0);
    try {
      return use.applyAsInt(attributes);
    } finally {
      OneDnn.dnnl_primitive_attr_destroy(attributes);
    }
  }

  /// The same, with what is done to the result afterwards.
  ///
  /// @param append adds that to a list of oneDNN's
  static int withPostOps(
      Arena scratch, Consumer<MemorySegment> append, ToIntFunction<MemorySegment> use) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(OneDnn.dnnl_post_ops_create(out), "describe a computation");
    MemorySegment postOps = out.get(ADDRESS, 0);
    try {
      append.accept(postOps);
      return withAttributes(
          scratch,
          attributes -> {
            check(
                OneDnn.dnnl_primitive_attr_set_post_ops(attributes, postOps),
                "describe a computation");
            return use.applyAsInt(attributes);
          });
    } finally {
      OneDnn.dnnl_post_ops_destroy(postOps);
    }
  }

  private static int type(TensorType type) {
    return switch (type) {
      case F32 -> OneDnn.dnnl_f32();
      case BF16 -> OneDnn.dnnl_bf16();
      case I8 -> OneDnn.dnnl_s8();
      default -> throw new GgmlException("oneDNN isn't asked to compute in " + type.ggmlName());
    };
  }

  private static MemorySegment compile(
      Arena scratch, List<MemorySegment> operands, String purpose, PrimitiveRequest request) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(request.ask(scratch, out, operands), "compute " + purpose);
    MemorySegment description = out.get(ADDRESS, 0);
    try {
      check(OneDnn.dnnl_primitive_create(out, description), "compile " + purpose);
      return out.get(ADDRESS, 0);
    } finally {
      OneDnn.dnnl_primitive_desc_destroy(description);
    }
  }

  private static MemorySegment memory(
      Arena scratch, MemorySegment description, MemorySegment engine) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(
        OneDnn.dnnl_memory_create(out, description, engine, MemorySegment.NULL), "place a matrix");
    return out.get(ADDRESS, 0);
  }

  /// Computes it, with the operands at these addresses.
  void run(long... addresses) {
    for (int i = 0; i < addresses.length; i++) {
      check(
          OneDnn.dnnl_memory_set_data_handle(
              memories.get(i), MemorySegment.ofAddress(addresses[i])),
          "place a matrix");
    }
    check(
        OneDnn.dnnl_primitive_execute(primitive, stream, addresses.length, arguments),
        "compute with matrices");
  }

  /// @throws GgmlException when `status` isn't success
  static void check(int status, String purpose) {
    if (status != OneDnn.dnnl_success()) {
      throw new GgmlException("oneDNN can't " + purpose + " (status " + status + ")");
    }
  }

  @Override
  public void close() {
    memories.forEach(OneDnn::dnnl_memory_destroy);
    if (primitive.address() != 0) {
      OneDnn.dnnl_primitive_destroy(primitive);
    }
    arena.close();
  }
}
