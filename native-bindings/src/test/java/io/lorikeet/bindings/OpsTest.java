package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/// Operations for which ggml would end the process are refused before.
@ExtendWith(LeakCheck.class)
class OpsTest {
  private static final RopeParameters ROPE = rope(4, 0);

  private static RopeParameters rope(int dimensions, int mode) {
    return new RopeParameters(dimensions, mode, 64, 10000, 1, 0, 1, 32, 1);
  }

  /// Operands that fit no better than they should.
  private static final class Operands {
    final Ops ops;
    final Tensor f43;
    final Tensor f53;
    final Tensor f432;
    final Tensor half;
    final Tensor quantized;
    final Tensor three;
    final Tensor transposed;

    Operands(Ops ops) {
      this.ops = ops;
      f43 = ops.placeholder("f43", TensorType.F32, Shape.of(4, 3));
      f53 = ops.placeholder("f53", TensorType.F32, Shape.of(5, 3));
      f432 = ops.placeholder("f432", TensorType.F32, Shape.of(4, 3, 2));
      half = ops.placeholder("half", TensorType.F16, Shape.of(4, 3));
      quantized = ops.placeholder("quantized", TensorType.Q4_0, Shape.of(32, 3));
      three = ops.placeholder("three", TensorType.I32, Shape.of(3));
      transposed = ops.transpose(ops.placeholder("f34", TensorType.F32, Shape.of(3, 4)));
    }
  }

  private static Map<String, Function<Operands, Tensor>> refused() {
    Map<String, Function<Operands, Tensor>> calls = new LinkedHashMap<>();
    calls.put("product of other lengths", o -> o.ops.mulMat(o.f43, o.f53));
    calls.put("product of a transposed matrix", o -> o.ops.mulMat(o.transposed, o.f43));
    calls.put("product with a transposed matrix", o -> o.ops.mulMat(o.f43, o.transposed));
    calls.put("product with a quantized one", o -> o.ops.mulMat(o.quantized, o.quantized));
    calls.put("product of integers", o -> o.ops.mulMat(o.three, o.three));
    calls.put("product of other batches", o -> o.ops.mulMat(o.f432, o.f43));
    calls.put("outer product of other counts", o -> o.ops.outProd(o.f43, o.f432));
    calls.put("outer product, transposed", o -> o.ops.outProd(o.transposed, o.f43));
    calls.put("outer product of halves", o -> o.ops.outProd(o.half, o.half));
    calls.put("sum of other shapes", o -> o.ops.add(o.f43, o.f53));
    calls.put("sum with a larger one", o -> o.ops.add(o.f43, o.f432));
    calls.put("sum of halves", o -> o.ops.add(o.half, o.half));
    calls.put("difference with a transposed one", o -> o.ops.sub(o.f43, o.transposed));
    calls.put("elements of other shapes", o -> o.ops.mul(o.f53, o.f43));
    calls.put("scaled quantized", o -> o.ops.scale(o.quantized, 2));
    calls.put("scaled transposed", o -> o.ops.scale(o.transposed, 2));
    calls.put("square of integers", o -> o.ops.square(o.three));
    calls.put("log of halves", o -> o.ops.log(o.half));
    calls.put("clamped transposed", o -> o.ops.clamp(o.transposed, 0, 1));
    calls.put("swiglu of other shapes", o -> o.ops.swiglu(o.f43, o.f53));
    calls.put("silu of a transposed one", o -> o.ops.silu(o.transposed));
    calls.put("silu's gradient of another shape", o -> o.ops.siluBack(o.f43, o.f53));
    calls.put("norm of a transposed one", o -> o.ops.rmsNorm(o.transposed, 1e-5f));
    calls.put("norm's gradient of another shape", o -> o.ops.rmsNormBack(o.f43, o.f53, 1e-5f));
    calls.put("softmax of halves", o -> o.ops.softMax(o.half, null, 1));
    calls.put("softmax with a mask of other length", o -> o.ops.softMax(o.f43, o.f53, 1));
    calls.put("softmax with a deep mask", o -> o.ops.softMax(o.f432, o.f432, 1));
    calls.put("softmax's gradient of another shape", o -> o.ops.softMaxBack(o.f43, o.f53, 1));
    calls.put("sum of integers", o -> o.ops.sum(o.three));
    calls.put("sum of rows, transposed", o -> o.ops.sumRows(o.transposed));
    calls.put("argmax of three dimensions", o -> o.ops.argmax(o.f432));
    calls.put("rows by reals", o -> o.ops.getRows(o.f43, o.f43));
    calls.put("rows of integers", o -> o.ops.getRows(o.three, o.three));
    calls.put("rows of a transposed matrix", o -> o.ops.getRows(o.transposed, o.three));
    calls.put("rows of several matrices by one list", o -> o.ops.getRows(o.f432, o.three));
    calls.put("rows' gradient by reals", o -> o.ops.getRowsBack(o.f43, o.f43, o.f43));
    calls.put("rows' gradient of other length", o -> o.ops.getRowsBack(o.f43, o.three, o.f53));
    calls.put("rows' gradient, deep", o -> o.ops.getRowsBack(o.f432, o.three, o.f43));
    calls.put("set rows of other length", o -> o.ops.setRows(o.f53, o.f43, o.three));
    calls.put("set rows by reals", o -> o.ops.setRows(o.f43, o.f43, o.f43));
    calls.put("set rows of halves", o -> o.ops.setRows(o.half, o.half, o.three));
    calls.put(
        "rope with too few positions", o -> new RopeOps(o.ops).rope(o.f432, o.three, null, ROPE));
    calls.put("rope by reals", o -> new RopeOps(o.ops).rope(heads(o), o.f43, null, ROPE));
    calls.put("rope of halves", o -> new RopeOps(o.ops).rope(o.half, o.three, null, ROPE));
    calls.put(
        "rope of an odd count", o -> new RopeOps(o.ops).rope(heads(o), o.three, null, rope(3, 0)));
    calls.put("rope of nothing", o -> new RopeOps(o.ops).rope(heads(o), o.three, null, rope(0, 0)));
    calls.put(
        "rope of more than a head",
        o -> new RopeOps(o.ops).rope(heads(o), o.three, null, rope(6, 0)));
    calls.put(
        "rope of several axes", o -> new RopeOps(o.ops).rope(heads(o), o.three, null, rope(4, 8)));
    calls.put(
        "rope with integer factors",
        o -> new RopeOps(o.ops).rope(heads(o), o.three, o.three, ROPE));
    calls.put(
        "rope with too few factors", o -> new RopeOps(o.ops).back(heads(o), o.three, one(o), ROPE));
    calls.put("reshaped to another size", o -> o.ops.reshape(o.f43, Shape.of(5, 3)));
    calls.put("reshaped transposed", o -> o.ops.reshape(o.transposed, Shape.of(12)));
    calls.put("view beyond the end", o -> o.ops.view(o.f43, Shape.of(4, 3), 4));
    calls.put("view before the start", o -> o.ops.view(o.f43, Shape.of(4), -4));
    calls.put("view between elements", o -> o.ops.view(o.f43, Shape.of(1), 2));
    calls.put("view of a transposed one", o -> o.ops.view(o.transposed, Shape.of(1), 0));
    calls.put("permuted on itself", o -> o.ops.permute(o.f43, 0, 0, 2, 3));
    calls.put("permuted out of range", o -> o.ops.permute(o.f43, 0, 1, 2, 4));
    calls.put("permuted quantized", o -> o.ops.permute(o.quantized, 1, 0, 2, 3));
    calls.put("transposed quantized", o -> o.ops.transpose(o.quantized));
    calls.put("copied quantized", o -> o.ops.cont(o.quantized));
    calls.put("cast of quantized", o -> o.ops.cast(o.quantized, TensorType.BF16));
    calls.put("cast to quantized", o -> o.ops.cast(o.f43, TensorType.Q4_0));
    calls.put("cast without F32", o -> o.ops.cast(o.half, TensorType.BF16));
    calls.put("copy of another size", o -> o.ops.copy(o.f43, o.f53));
    calls.put("copy of integers", o -> o.ops.copy(o.three, o.three));
    calls.put("joined with other lengths", o -> o.ops.concat(o.f43, o.f53, 1));
    calls.put("joined halves", o -> o.ops.concat(o.half, o.half, 0));
    calls.put("joined along nothing", o -> o.ops.concat(o.f43, o.f43, 4));
    calls.put("joined along less", o -> o.ops.concat(o.f43, o.f43, -1));
    calls.put("repeated to no multiple", o -> o.ops.repeat(o.f43, Shape.of(4, 4)));
    calls.put("repeated transposed", o -> o.ops.repeat(o.transposed, Shape.of(4, 6)));
    calls.put("AdamW of other shapes", o -> adamW(o, o.f43, o.f53));
    calls.put("AdamW without parameters", o -> adamW(o, o.f43, o.f43));
    return calls;
  }

  private static Tensor heads(Operands o) {
    return o.ops.placeholder("heads", TensorType.F32, Shape.of(4, 2, 3));
  }

  private static Tensor one(Operands o) {
    return o.ops.placeholder("one", TensorType.F32, Shape.of(1));
  }

  private static Tensor adamW(Operands o, Tensor weights, Tensor gradient) {
    return o.ops.adamW(weights, gradient, weights, weights, one(o));
  }

  @TestFactory
  List<DynamicTest> badCallsAreRefused() {
    return refused().entrySet().stream()
        .map(
            call ->
                DynamicTest.dynamicTest(
                    call.getKey(),
                    () -> {
                      try (Ops ops = new Ops()) {
                        Operands operands = new Operands(ops);
                        assertThrows(GgmlException.class, () -> call.getValue().apply(operands));
                      }
                    }))
        .toList();
  }

  @Test
  void theMessageNamesTheOperandsAndTheirShapes() {
    try (Ops ops = new Ops()) {
      Operands operands = new Operands(ops);
      String message =
          assertThrows(GgmlException.class, () -> ops.mulMat(operands.transposed, operands.f53))
              .getMessage();
      assertTrue(message.contains("mul_mat"), message);
      assertTrue(message.contains("[4, 3] (not contiguous)"), message);
      assertTrue(message.contains("f53 f32 [5, 3]"), message);
    }
  }

  @Test
  void nothingIsBuiltAfterClose() {
    Ops ops = new Ops();
    ops.close();
    ops.close();
    assertThrows(
        IllegalStateException.class, () -> ops.placeholder("x", TensorType.F32, Shape.of(4)));
  }
}
