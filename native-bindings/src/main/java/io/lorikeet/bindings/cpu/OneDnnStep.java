package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/// A function of rows of F32 numbers, computed by oneDNN; results may take the place of operands.
///
/// @param kind the function
/// @param rows how many
/// @param columns numbers in a row
record OneDnnStep(RowFunction kind, long rows, long columns) implements OneDnnThreads.Form {

  /// A function of rows.
  enum RowFunction {
    /// Softmax over each row. Takes the addresses of the rows and of the result.
    SOFTMAX,
    /// Takes the addresses of the softmax, of its gradient, and of the result.
    SOFTMAX_BACK,
    /// Takes the addresses of x and of the result.
    SIGMOID,
    /// x · y · z. Takes the addresses of the three and of the result.
    PRODUCT,
    /// The gradient of x for x · sigmoid(x) · y · z. Takes the addresses of x, its sigmoid, x
    /// again, its sigmoid again, y, z and the result.
    SWISH_BACK
  }

  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "rows: " + this,
        roles().mapToObj(role -> Operand.contiguous(role, TensorType.F32, rows, columns)).toList(),
        (scratch, out, operands) -> describe(engine, scratch, out, operands.getFirst()));
  }

  private IntStream roles() {
    return switch (kind) {
      case SOFTMAX, SIGMOID -> IntStream.of(OneDnn.DNNL_ARG_SRC(), OneDnn.DNNL_ARG_DST());
      case SOFTMAX_BACK ->
          IntStream.of(
              OneDnn.DNNL_ARG_DST(), OneDnnFunctions.ARG_DIFF_DST, OneDnnFunctions.ARG_DIFF_SRC);
      case PRODUCT -> rolesOfProduct(0);
      case SWISH_BACK -> rolesOfProduct(0, 2, 3, 4);
    };
  }

  /// Two factors, what is combined with their product afterwards, and the result.
  ///
  /// @param postOps indices of what is done afterwards with an operand
  private static IntStream rolesOfProduct(int... postOps) {
    IntStream two = IntStream.of(OneDnn.DNNL_ARG_SRC(), OneDnnFunctions.ARG_SRC_1);
    IntStream others = IntStream.of(postOps).map(OneDnnFunctions::postOperand);
    return IntStream.concat(IntStream.concat(two, others), IntStream.of(OneDnn.DNNL_ARG_DST()));
  }

  /// @param x describes all of the operands: they have the same shape
  private int describe(MemorySegment engine, Arena scratch, MemorySegment out, MemorySegment x) {
    return switch (kind) {
      case SOFTMAX -> OneDnnFunctions.softMax(out, engine, x);
      case SOFTMAX_BACK -> softMaxBack(engine, scratch, out, x);
      case SIGMOID -> OneDnnFunctions.sigmoid(out, engine, x);
      case PRODUCT, SWISH_BACK -> product(engine, scratch, out, x);
    };
  }

  private int softMaxBack(MemorySegment engine, Arena scratch, MemorySegment out, MemorySegment x) {
    MemorySegment hint = scratch.allocate(ADDRESS);
    OneDnnPrimitive.check(OneDnnFunctions.softMax(hint, engine, x), "describe " + this);
    MemorySegment forward = hint.get(ADDRESS, 0);
    try {
      return OneDnnFunctions.softMaxBack(out, engine, x, forward);
    } finally {
      OneDnn.dnnl_primitive_desc_destroy(forward);
    }
  }

  private int product(MemorySegment engine, Arena scratch, MemorySegment out, MemorySegment x) {
    return OneDnnPrimitive.withPostOps(
        scratch,
        postOps -> appendTo(postOps, x),
        attributes -> OneDnnFunctions.multiply(out, engine, x, attributes));
  }

  private void appendTo(MemorySegment postOps, MemorySegment x) {
    if (kind == RowFunction.SWISH_BACK) {
      // Of x σ: its slope is (1 - (x σ - x)) σ.
      check(OneDnnFunctions.appendDifference(postOps, x));
      check(OneDnnFunctions.appendLinear(postOps, -1, 1));
      check(OneDnnFunctions.appendProduct(postOps, x));
      check(OneDnnFunctions.appendProduct(postOps, x));
    }
    check(OneDnnFunctions.appendProduct(postOps, x));
  }

  private void check(int status) {
    OneDnnPrimitive.check(status, "describe " + this);
  }
}
