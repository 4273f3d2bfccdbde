package io.lorikeet.bindings;

import io.lorikeet.bindings.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Rounds F32 numbers to BF16, by oneDNN's reorder.
///
/// @param count numbers
record OneDnnConversion(long count) implements OneDnnThreads.Form {

  /// Takes the addresses of the numbers and of the result.
  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "numbers rounded to BF16",
        List.of(
            Operand.contiguous(OneDnn.DNNL_ARG_FROM(), TensorType.F32, 1, count),
            Operand.contiguous(OneDnn.DNNL_ARG_TO(), TensorType.BF16, 1, count)),
        (_, out, operands) ->
            OneDnn.dnnl_reorder_primitive_desc_create(
                out, operands.get(0), engine, operands.get(1), engine, MemorySegment.NULL));
  }
}
