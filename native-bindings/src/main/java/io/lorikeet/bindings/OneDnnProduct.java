package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.lorikeet.onednn.OneDnn;
import io.lorikeet.onednn.dnnl_exec_arg_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A matrix product that oneDNN has compiled for its shape. For one thread at a time: it has
/// scratch memory.
///
/// oneDNN names dimensions in the opposite order: its source is b, its weights are a.
final class OneDnnProduct implements AutoCloseable {

  /// a [k, n] times b [k, m] gives [n, m], F32.
  ///
  /// @param a type of a, BF16 or F32
  /// @param b type of b, BF16 or F32
  /// @param add whether the product is added to what the result holds
  /// @param a0 distance in elements of neighbours along a's first dimension; this or `a1` is 1
  /// @param a1 along its second
  /// @param b0 along b's first; this or `b1` is 1
  /// @param b1 along its second
  /// @param y1 along the result's second
  record Form(
      TensorType a,
      TensorType b,
      boolean add,
      long k,
      long n,
      long m,
      long a0,
      long a1,
      long b0,
      long b1,
      long y1) {}

  private static final int ARGUMENTS = 3;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment stream;
  private final MemorySegment arguments = dnnl_exec_arg_t.allocateArray(ARGUMENTS, arena);
  private MemorySegment primitive = MemorySegment.NULL;
  private MemorySegment source = MemorySegment.NULL;
  private MemorySegment weights = MemorySegment.NULL;
  private MemorySegment result = MemorySegment.NULL;

  /// @param engine a CPU engine of oneDNN
  /// @param stream a stream of it that only this thread uses
  /// @throws GgmlException when oneDNN can't compute such a product
  OneDnnProduct(MemorySegment engine, MemorySegment stream, Form form) {
    this.stream = stream;
    MemorySegment b = MemorySegment.NULL;
    MemorySegment a = MemorySegment.NULL;
    MemorySegment y = MemorySegment.NULL;
    try (Arena scratch = Arena.ofConfined()) {
      b = description(scratch, type(form.b()), form.m(), form.k(), form.b1(), form.b0());
      a = description(scratch, type(form.a()), form.k(), form.n(), form.a0(), form.a1());
      y = description(scratch, OneDnn.dnnl_f32(), form.m(), form.n(), form.y1(), 1);
      primitive = compile(scratch, engine, a, b, y, form);
      source = memory(scratch, b, engine);
      weights = memory(scratch, a, engine);
      result = memory(scratch, y, engine);
    } catch (RuntimeException e) {
      close();
      throw e;
    } finally {
      OneDnn.dnnl_memory_desc_destroy(b);
      OneDnn.dnnl_memory_desc_destroy(a);
      OneDnn.dnnl_memory_desc_destroy(y);
    }
    argument(0, OneDnn.DNNL_ARG_SRC(), source);
    argument(1, OneDnn.DNNL_ARG_WEIGHTS(), weights);
    argument(2, OneDnn.DNNL_ARG_DST(), result);
  }

  private static int type(TensorType type) {
    return switch (type) {
      case F32 -> OneDnn.dnnl_f32();
      case BF16 -> OneDnn.dnnl_bf16();
      default -> throw new GgmlException("oneDNN isn't asked to multiply " + type.ggmlName());
    };
  }

  private static MemorySegment description(
      Arena scratch, int type, long rows, long columns, long rowStride, long columnStride) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(
        OneDnn.dnnl_memory_desc_create_with_strides(
            out,
            2,
            scratch.allocateFrom(JAVA_LONG, rows, columns),
            type,
            scratch.allocateFrom(JAVA_LONG, rowStride, columnStride)),
        "describe a matrix");
    return out.get(ADDRESS, 0);
  }

  private static MemorySegment compile(
      Arena scratch,
      MemorySegment engine,
      MemorySegment a,
      MemorySegment b,
      MemorySegment y,
      Form form) {
    MemorySegment out = scratch.allocate(ADDRESS);
    MemorySegment attributes = MemorySegment.NULL;
    MemorySegment sums = MemorySegment.NULL;
    MemorySegment description = MemorySegment.NULL;
    try {
      check(OneDnn.dnnl_primitive_attr_create(out), "describe a product");
      attributes = out.get(ADDRESS, 0);
      if (form.add()) {
        check(OneDnn.dnnl_post_ops_create(out), "describe a sum");
        sums = out.get(ADDRESS, 0);
        check(OneDnn.dnnl_post_ops_append_sum(sums, 1, 0, OneDnn.dnnl_f32()), "describe a sum");
        check(OneDnn.dnnl_primitive_attr_set_post_ops(attributes, sums), "describe a sum");
      }
      check(
          OneDnn.dnnl_matmul_primitive_desc_create(
              out, engine, b, a, MemorySegment.NULL, y, attributes),
          "compute a product of " + form);
      description = out.get(ADDRESS, 0);
      check(OneDnn.dnnl_primitive_create(out, description), "compile a product of " + form);
      return out.get(ADDRESS, 0);
    } finally {
      if (description.address() != 0) {
        OneDnn.dnnl_primitive_desc_destroy(description);
      }
      if (sums.address() != 0) {
        OneDnn.dnnl_post_ops_destroy(sums);
      }
      if (attributes.address() != 0) {
        OneDnn.dnnl_primitive_attr_destroy(attributes);
      }
    }
  }

  private static MemorySegment memory(
      Arena scratch, MemorySegment description, MemorySegment engine) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(
        OneDnn.dnnl_memory_create(out, description, engine, MemorySegment.NULL), "place a matrix");
    return out.get(ADDRESS, 0);
  }

  private void argument(int index, int role, MemorySegment memory) {
    MemorySegment argument = dnnl_exec_arg_t.asSlice(arguments, index);
    dnnl_exec_arg_t.arg(argument, role);
    dnnl_exec_arg_t.memory(argument, memory);
  }

  /// Computes it, with the matrices at these addresses.
  void run(long a, long b, long y) {
    check(OneDnn.dnnl_memory_set_data_handle(weights, MemorySegment.ofAddress(a)), "place a");
    check(OneDnn.dnnl_memory_set_data_handle(source, MemorySegment.ofAddress(b)), "place b");
    check(OneDnn.dnnl_memory_set_data_handle(result, MemorySegment.ofAddress(y)), "place y");
    check(
        OneDnn.dnnl_primitive_execute(primitive, stream, ARGUMENTS, arguments),
        "multiply matrices");
  }

  /// @throws GgmlException when `status` isn't success
  static void check(int status, String purpose) {
    if (status != OneDnn.dnnl_success()) {
      throw new GgmlException("oneDNN can't " + purpose + " (status " + status + ")");
    }
  }

  @Override
  public void close() {
    for (MemorySegment memory : new MemorySegment[] {source, weights, result}) {
      if (memory.address() != 0) {
        OneDnn.dnnl_memory_destroy(memory);
      }
    }
    if (primitive.address() != 0) {
      OneDnn.dnnl_primitive_destroy(primitive);
    }
    arena.close();
  }
}
