package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Rows of F32 numbers over the root of their mean square plus epsilon, times a gain for each
/// column.
///
/// @param type of the result
/// @param rows how many
/// @param columns numbers in a row
record OneDnnRmsNorm(TensorType type, long rows, long columns, float epsilon)
    implements OneDnnThreads.Form {

  /// Takes the addresses of the rows, of the gain and of the result.
  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "norms: " + this,
        List.of(
            Operand.contiguous(OneDnn.DNNL_ARG_SRC(), TensorType.F32, rows, columns),
            new Operand(OneDnnFunctions.ARG_SCALE, TensorType.F32, List.of(columns), List.of(1L)),
            Operand.contiguous(OneDnn.DNNL_ARG_DST(), type, rows, columns)),
        (_, out, operands) ->
            OneDnnFunctions.rmsNorm(out, engine, operands.get(0), operands.get(2), epsilon));
  }
}
