package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Copies F32 numbers, by oneDNN's reorder: rounded to another type, and without the gaps between
/// rows.
///
/// @param to BF16 or F32
/// @param scaled whether all are multiplied by a number first
/// @param sizes of the copy's dimensions, slowest first
/// @param strides between the original's, in elements; the last one is 1
record OneDnnConversion(TensorType to, boolean scaled, List<Long> sizes, List<Long> strides)
    implements OneDnnThreads.Form {

  /// Numbers that lie side by side, rounded to BF16.
  OneDnnConversion(long count) {
    this(TensorType.BF16, false, List.of(count), List.of(1L));
  }

  private static List<Long> dense(List<Long> sizes) {
    Long[] strides = new Long[sizes.size()];
    long stride = 1;
    for (int i = strides.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= sizes.get(i);
    }
    return List.of(strides);
  }

  /// Takes the addresses of the numbers, of the result, and of the factor if there is one.
  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    Operand from = new Operand(OneDnn.DNNL_ARG_FROM(), TensorType.F32, sizes, strides);
    Operand result = new Operand(OneDnn.DNNL_ARG_TO(), to, sizes, dense(sizes));
    Operand factor =
        new Operand(
            OneDnn.DNNL_ARG_ATTR_SCALES() | OneDnn.DNNL_ARG_FROM(),
            TensorType.F32,
            List.of(1L),
            List.of(1L));
    return new OneDnnPrimitive(
        engine,
        stream,
        "numbers in " + to.ggmlName(),
        scaled ? List.of(from, result, factor) : List.of(from, result),
        (scratch, out, operands) ->
            OneDnnPrimitive.withAttributes(
                scratch,
                attributes -> {
                  if (scaled) {
                    OneDnnPrimitive.check(
                        OneDnn.dnnl_primitive_attr_set_scales_mask(
                            attributes, OneDnn.DNNL_ARG_FROM(), 0),
                        "describe a scale");
                  }
                  return OneDnn.dnnl_reorder_primitive_desc_create(
                      out, operands.get(0), engine, operands.get(1), engine, attributes);
                }));
  }
}
