package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// The functions of oneDNN that the generated bindings leave out, and their constants, from
/// `oneapi/dnnl/dnnl.h` and `dnnl_types.h` 3.13. Each describes a primitive and returns a status.
final class OneDnnFunctions {
  static final int ARG_SRC_1 = 2;
  static final int ARG_DIFF_SRC = 129;
  static final int ARG_DIFF_DST = 145;

  private static final int FORWARD_TRAINING = 64;
  private static final int BINARY_MUL = 0x1fff1;
  private static final int SOFTMAX_ACCURATE = 0x30000;

  private static final MethodHandle BINARY =
      bind(
          "dnnl_binary_primitive_desc_create",
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle SOFTMAX =
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
  private static final MethodHandle SOFTMAX_BACK =
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
  private static final MethodHandle ELTWISE =
      bind(
          "dnnl_eltwise_forward_primitive_desc_create",
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          JAVA_FLOAT,
          JAVA_FLOAT,
          ADDRESS);
  private static final MethodHandle ELTWISE_BACK =
      bind(
          "dnnl_eltwise_backward_primitive_desc_create",
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_FLOAT,
          JAVA_FLOAT,
          ADDRESS,
          ADDRESS);

  private OneDnnFunctions() {}

  private static MethodHandle bind(String name, MemoryLayout... arguments) {
    MemorySegment function = SymbolLookup.loaderLookup().findOrThrow(name);
    return Linker.nativeLinker()
        .downcallHandle(function, FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /// Numbers times others of the same description.
  static int multiply(MemorySegment out, MemorySegment engine, MemorySegment x) {
    try {
      return (int) BINARY.invokeExact(out, engine, BINARY_MUL, x, x, x, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Softmax over the second dimension, in the same description.
  static int softMax(MemorySegment out, MemorySegment engine, MemorySegment x) {
    try {
      return (int)
          SOFTMAX.invokeExact(
              out, engine, FORWARD_TRAINING, SOFTMAX_ACCURATE, x, x, 1, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// @param forward the description of the softmax
  static int softMaxBack(
      MemorySegment out, MemorySegment engine, MemorySegment x, MemorySegment forward) {
    try {
      return (int)
          SOFTMAX_BACK.invokeExact(
              out, engine, SOFTMAX_ACCURATE, x, x, x, 1, forward, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// x · sigmoid(x).
  ///
  /// @param swish `dnnl_eltwise_swish`
  static int swish(MemorySegment out, MemorySegment engine, int swish, MemorySegment x) {
    try {
      return (int)
          ELTWISE.invokeExact(
              out, engine, FORWARD_TRAINING, swish, x, x, 1f, 0f, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// @param forward the description of [#swish]
  static int swishBack(
      MemorySegment out, MemorySegment engine, int swish, MemorySegment x, MemorySegment forward) {
    try {
      return (int)
          ELTWISE_BACK.invokeExact(
              out, engine, swish, x, x, x, 1f, 0f, forward, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    return switch (e) {
      case RuntimeException runtime -> runtime;
      case Error error -> throw error;
      default -> new GgmlException("oneDNN could not be asked", e);
    };
  }
}
