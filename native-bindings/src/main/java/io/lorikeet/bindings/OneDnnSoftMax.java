package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.bindings.OneDnnPrimitive.Operand;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/// What oneDNN computes of a masked softmax over rows of F32 numbers, each step in place.
///
/// @param step which part of it
/// @param rows how many
/// @param columns numbers in a row
record OneDnnSoftMax(Step step, long rows, long columns) implements OneDnnThreads.Form {

  /// A part of the softmax or of its gradient.
  enum Step {
    /// Adds a mask to scores. Takes the addresses of the scores, the mask, and the scores again.
    MASK,
    /// Softmax over each row. Takes the address of the rows, twice.
    FORWARD,
    /// The gradient of the scores from that of the softmax. Takes the addresses of the softmax, and
    /// twice of its gradient, which is overwritten.
    BACKWARD
  }

  // From oneapi/dnnl/dnnl_types.h 3.13.
  private static final int FORWARD_INFERENCE = 96;
  private static final int BINARY_ADD = 0x1fff0;
  private static final int SOFTMAX_ACCURATE = 0x30000;
  private static final int ARG_SRC_1 = 2;
  private static final int ARG_DIFF_SRC = 129;
  private static final int ARG_DIFF_DST = 145;

  /// The functions, which the generated bindings leave out.
  private static final class Functions {
    static final MethodHandle BINARY =
        bind(
            "dnnl_binary_primitive_desc_create",
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS);
    static final MethodHandle FORWARD =
        bind(
            "dnnl_softmax_forward_primitive_desc_create",
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS);
    static final MethodHandle BACKWARD =
        bind(
            "dnnl_softmax_backward_primitive_desc_create",
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS,
            ADDRESS);

    private static MethodHandle bind(String name, MemoryLayout... arguments) {
      MemorySegment function = SymbolLookup.loaderLookup().findOrThrow(name);
      return Linker.nativeLinker()
          .downcallHandle(function, FunctionDescriptor.of(JAVA_INT, arguments));
    }
  }

  @Override
  public OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream) {
    return new OneDnnPrimitive(
        engine,
        stream,
        "a softmax: " + this,
        switch (step) {
          case MASK ->
              List.of(
                  operand(OneDnn.DNNL_ARG_SRC()),
                  operand(ARG_SRC_1),
                  operand(OneDnn.DNNL_ARG_DST()));
          case FORWARD -> List.of(operand(OneDnn.DNNL_ARG_SRC()), operand(OneDnn.DNNL_ARG_DST()));
          case BACKWARD ->
              List.of(operand(OneDnn.DNNL_ARG_DST()), operand(ARG_DIFF_DST), operand(ARG_DIFF_SRC));
        },
        (scratch, out, operands) -> describe(engine, scratch, out, operands.getFirst()));
  }

  private Operand operand(int role) {
    return Operand.contiguous(role, TensorType.F32, rows, columns);
  }

  /// @param x describes all of the operands: they have the same shape
  private int describe(MemorySegment engine, Arena scratch, MemorySegment out, MemorySegment x) {
    MemorySegment none = MemorySegment.NULL;
    try {
      return switch (step) {
        case MASK -> (int) Functions.BINARY.invokeExact(out, engine, BINARY_ADD, x, x, x, none);
        case FORWARD -> forward(engine, out, x);
        case BACKWARD -> {
          MemorySegment hint = scratch.allocate(ADDRESS);
          OneDnnPrimitive.check(forward(engine, hint, x), "compute a softmax");
          MemorySegment description = hint.get(ADDRESS, 0);
          try {
            yield (int)
                Functions.BACKWARD.invokeExact(
                    out, engine, SOFTMAX_ACCURATE, x, x, x, 1, description, none);
          } finally {
            OneDnn.dnnl_primitive_desc_destroy(description);
          }
        }
      };
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new GgmlException("oneDNN's softmax could not be asked for", e);
    }
  }

  private static int forward(MemorySegment engine, MemorySegment out, MemorySegment x)
      throws Throwable {
    return (int)
        Functions.FORWARD.invokeExact(
            out, engine, FORWARD_INFERENCE, SOFTMAX_ACCURATE, x, x, 1, MemorySegment.NULL);
  }
}
