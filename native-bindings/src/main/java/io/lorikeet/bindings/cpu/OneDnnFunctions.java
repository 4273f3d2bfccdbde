package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/// The functions of oneDNN that the generated bindings leave out, and their constants, from
/// `oneapi/dnnl/dnnl.h` and `dnnl_types.h` 3.13. Each describes a primitive, or what is done to its
/// result afterwards ("post-ops"), and returns a status.
final class OneDnnFunctions {
  static final int ARG_SRC_1 = 2;
  static final int ARG_SCALE = 51;
  static final int ARG_DIFF_SRC = 129;
  static final int ARG_DIFF_DST = 145;

  private static final int FORWARD_TRAINING = 64;
  private static final int FORWARD_INFERENCE = 96;
  private static final int BINARY_MUL = 0x1fff1;
  private static final int BINARY_SUB = 0x1fff5;
  private static final int ELTWISE_LINEAR = 0x26;
  private static final int ELTWISE_LOGISTIC = 0x29;
  private static final int RMS_NORM_WITH_SCALE = 0x22;
  private static final int SOFTMAX_ACCURATE = 0x30000;

  private static final int ARG_POST_OP = 0x8000;

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
  private static final MethodHandle APPEND_BINARY =
      bind("dnnl_post_ops_append_binary", ADDRESS, JAVA_INT, ADDRESS);

  private static final MethodHandle LAYER_NORM =
      bind(
          "dnnl_layer_normalization_forward_primitive_desc_create",
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_FLOAT,
          JAVA_INT,
          ADDRESS);

  private OneDnnFunctions() {}

  private static MethodHandle bind(String name, MemoryLayout... arguments) {
    MemorySegment function = SymbolLookup.loaderLookup().findOrThrow(name);
    return Linker.nativeLinker()
        .downcallHandle(function, FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /// The role of what a result is combined with afterwards.
  ///
  /// @param index among all that is done to the result
  static int postOperand(int index) {
    return ARG_POST_OP * (index + 1) | ARG_SRC_1;
  }

  /// Numbers times others of the same description.
  static int multiply(
      MemorySegment out, MemorySegment engine, MemorySegment x, MemorySegment attributes) {
    try {
      return (int) BINARY.invokeExact(out, engine, BINARY_MUL, x, x, x, attributes);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Has a result multiplied by numbers of this description.
  static int appendProduct(MemorySegment postOps, MemorySegment x) {
    return appendBinary(postOps, BINARY_MUL, x);
  }

  /// Has numbers of this description taken off a result.
  static int appendDifference(MemorySegment postOps, MemorySegment x) {
    return appendBinary(postOps, BINARY_SUB, x);
  }

  /// Has a result replaced by factor · result + term.
  static int appendLinear(MemorySegment postOps, float factor, float term) {
    return OneDnn.dnnl_post_ops_append_eltwise(postOps, ELTWISE_LINEAR, factor, term);
  }

  private static int appendBinary(MemorySegment postOps, int operation, MemorySegment x) {
    try {
      return (int) APPEND_BINARY.invokeExact(postOps, operation, x);
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

  static int sigmoid(MemorySegment out, MemorySegment engine, MemorySegment x) {
    try {
      return (int)
          ELTWISE.invokeExact(
              out, engine, FORWARD_TRAINING, ELTWISE_LOGISTIC, x, x, 0f, 0f, MemorySegment.NULL);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Rows over their root mean square, times a scale.
  static int rmsNorm(
      MemorySegment out, MemorySegment engine, MemorySegment x, MemorySegment y, float epsilon) {
    try {
      return (int)
          LAYER_NORM.invokeExact(
              out,
              engine,
              FORWARD_INFERENCE,
              x,
              y,
              MemorySegment.NULL,
              epsilon,
              RMS_NORM_WITH_SCALE,
              MemorySegment.NULL);
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
