package io.lorikeet.bindings.cpu;

import static io.lorikeet.bindings.cpu.OneDnnPrimitive.check;
import static java.lang.foreign.ValueLayout.ADDRESS;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// A matrix product of oneDNN: a `[k, n]` times b `[k, m]` gives `[n, m]`, F32.
///
/// oneDNN names dimensions in the opposite order: its source is b, its weights are a.
///
/// @param a type of a, BF16 or F32
/// @param b type of b, BF16 or F32
/// @param add whether the product is added to what the result holds
/// @param a0 distance in elements of neighbours along a's first dimension; this or `a1` is 1
/// @param a1 along its second
/// @param b0 along b's first; this or `b1` is 1
/// @param b1 along its second
/// @param y1 along the result's second
record OneDnnProduct(
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
    long y1)
    implements OneDnnThreads.Form {

  /// Takes the addresses of a, b and the result.
  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "a product of " + this,
        List.of(
            new Operand(OneDnn.DNNL_ARG_WEIGHTS(), a, List.of(k, n), List.of(a0, a1)),
            new Operand(OneDnn.DNNL_ARG_SRC(), b, List.of(m, k), List.of(b1, b0)),
            new Operand(OneDnn.DNNL_ARG_DST(), TensorType.F32, List.of(m, n), List.of(y1, 1L))),
        (scratch, out, operands) ->
            OneDnnPrimitive.withAttributes(
                scratch,
                attributes -> {
                  if (add) {
                    addSum(scratch, attributes);
                  }
                  return OneDnn.dnnl_matmul_primitive_desc_create(
                      out,
                      engine,
                      operands.get(1),
                      operands.get(0),
                      MemorySegment.NULL,
                      operands.get(2),
                      attributes);
                }));
  }

  private static void addSum(Arena scratch, MemorySegment attributes) {
    MemorySegment out = scratch.allocate(ADDRESS);
    check(OneDnn.dnnl_post_ops_create(out), "describe a sum");
    MemorySegment sum = out.get(ADDRESS, 0);
    try {
      check(OneDnn.dnnl_post_ops_append_sum(sum, 1, 0, OneDnn.dnnl_f32()), "describe a sum");
      check(OneDnn.dnnl_primitive_attr_set_post_ops(attributes, sum), "describe a sum");
    } finally {
      OneDnn.dnnl_post_ops_destroy(sum);
    }
  }
}
