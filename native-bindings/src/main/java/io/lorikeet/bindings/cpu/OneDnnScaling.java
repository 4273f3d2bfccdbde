package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Multiplies small whole numbers, in groups, with a scale for each, by oneDNN's reorder.
///
/// @param to F32 or BF16
/// @param groups how many
/// @param size numbers in a group
record OneDnnScaling(TensorType to, long groups, long size) implements OneDnnThreads.Form {

  /// Takes the addresses of the I8 numbers, the result, and the F32 scales.
  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "numbers with scales",
        List.of(
            Operand.contiguous(OneDnn.DNNL_ARG_FROM(), TensorType.I8, groups, size),
            Operand.contiguous(OneDnn.DNNL_ARG_TO(), to, groups, size),
            new Operand(
                OneDnn.DNNL_ARG_ATTR_SCALES() | OneDnn.DNNL_ARG_FROM(),
                TensorType.F32,
                List.of(groups),
                List.of(1L))),
        (scratch, out, operands) ->
            OneDnnPrimitive.withAttributes(
                scratch,
                attributes -> {
                  int firstDimension = 1;
                  OneDnnPrimitive.check(
                      OneDnn.dnnl_primitive_attr_set_scales_mask(
                          attributes, OneDnn.DNNL_ARG_FROM(), firstDimension),
                      "describe scales");
                  return OneDnn.dnnl_reorder_primitive_desc_create(
                      out, operands.get(0), engine, operands.get(1), engine, attributes);
                }));
  }
}
