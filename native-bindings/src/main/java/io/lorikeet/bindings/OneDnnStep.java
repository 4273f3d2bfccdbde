package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.lorikeet.bindings.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// What oneDNN computes of rows of F32 numbers; results may take the place of operands.
///
/// @param kind what
/// @param rows how many
/// @param columns numbers in a row
record OneDnnStep(Kind kind, long rows, long columns) implements OneDnnThreads.Form {

  /// A function of rows.
  enum Kind {
    /// Softmax over each row. Takes the addresses of the rows and of the result.
    SOFTMAX,
    /// Takes the addresses of the softmax, of its gradient, and of the result.
    SOFTMAX_BACK,
    /// x · sigmoid(x). Takes the addresses of x and of the result.
    SWISH,
    /// Takes the addresses of x, of the gradient of its swish, and of the result.
    SWISH_BACK,
    /// Takes the addresses of both factors and of the result.
    MULTIPLY
  }

  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "rows: " + this,
        switch (kind) {
          case SOFTMAX, SWISH -> operands(OneDnn.DNNL_ARG_SRC(), OneDnn.DNNL_ARG_DST());
          case SOFTMAX_BACK ->
              operands(
                  OneDnn.DNNL_ARG_DST(),
                  OneDnnFunctions.ARG_DIFF_DST,
                  OneDnnFunctions.ARG_DIFF_SRC);
          case SWISH_BACK ->
              operands(
                  OneDnn.DNNL_ARG_SRC(),
                  OneDnnFunctions.ARG_DIFF_DST,
                  OneDnnFunctions.ARG_DIFF_SRC);
          case MULTIPLY ->
              operands(OneDnn.DNNL_ARG_SRC(), OneDnnFunctions.ARG_SRC_1, OneDnn.DNNL_ARG_DST());
        },
        (scratch, out, operands) -> describe(engine, scratch, out, operands.getFirst()));
  }

  private List<Operand> operands(Integer... roles) {
    return List.of(roles).stream()
        .map(role -> Operand.contiguous(role, TensorType.F32, rows, columns))
        .toList();
  }

  /// @param x describes all of the operands: they have the same shape
  private int describe(MemorySegment engine, Arena scratch, MemorySegment out, MemorySegment x) {
    return switch (kind) {
      case SOFTMAX, SWISH -> forward(engine, out, x);
      case MULTIPLY -> OneDnnFunctions.multiply(out, engine, x);
      case SOFTMAX_BACK, SWISH_BACK -> {
        MemorySegment hint = scratch.allocate(ADDRESS);
        OneDnnPrimitive.check(forward(engine, hint, x), "describe " + this);
        MemorySegment forward = hint.get(ADDRESS, 0);
        try {
          yield kind == Kind.SOFTMAX_BACK
              ? OneDnnFunctions.softMaxBack(out, engine, x, forward)
              : OneDnnFunctions.swishBack(out, engine, OneDnn.dnnl_eltwise_swish(), x, forward);
        } finally {
          OneDnn.dnnl_primitive_desc_destroy(forward);
        }
      }
    };
  }

  private int forward(MemorySegment engine, MemorySegment out, MemorySegment x) {
    return kind == Kind.SOFTMAX || kind == Kind.SOFTMAX_BACK
        ? OneDnnFunctions.softMax(out, engine, x)
        : OneDnnFunctions.swish(out, engine, OneDnn.dnnl_eltwise_swish(), x);
  }
}
