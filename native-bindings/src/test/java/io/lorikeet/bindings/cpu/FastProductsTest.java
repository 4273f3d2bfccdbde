package io.lorikeet.bindings.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.FastProducts.FastTerm;
import io.lorikeet.bindings.cpu.FastProducts.ProductForm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Products by oneDNN against sums in `double`, for several numbers of threads.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class FastProductsTest {
  private static final double F32_BOUND = 1e-5;

  /// Weights are rounded to BF16, activations too where the processor multiplies those.
  private static final double BF16_BOUND = 1e-2;

  private final SplittableRandom random = new SplittableRandom(7);

  private static Backend open(int threads) {
    Backend backend = Backend.open("cpu", threads);
    if (backend.kernelLibrary().isEmpty()) {
      backend.close();
      Assumptions.abort("oneDNN has no products for this processor");
    }
    return backend;
  }

  private float[] gaussians(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /// Runs one operation on two tensors that hold `a` and `b`.
  private static float[] run(
      Backend backend, Spec a, byte[] aBytes, Spec b, float[] bValues, Operation operation) {
    Ops ops = new Ops();
    Tensor left = ops.placeholder("a", a.type(), a.shape());
    Tensor right = ops.placeholder("b", b.type(), b.shape());
    Tensor result = operation.apply(ops, left, right);
    Tensor out = ops.placeholder("y", TensorType.F32, result.shape());
    ops.schedule(ops.copy(result, out));
    Spec y = new Spec("y", TensorType.F32, result.shape());
    try (Graph graph = new Graph("a product", backend, ops);
        GraphMemory memory = new GraphMemory(backend);
        DeviceTensors tensors = DeviceTensors.allocate(backend, List.of(a, b, y))) {
      tensors.get("a").upload(MemorySegment.ofArray(aBytes), 0);
      tensors.get("b").upload(bValues);
      graph.bind(left, tensors.get("a"));
      graph.bind(right, tensors.get("b"));
      graph.bind(out, tensors.get("y"));
      memory.allocate(List.of(graph));
      graph.compute();
      graph.compute();
      return tensors.get("y").downloadFloats();
    }
  }

  @FunctionalInterface
  private interface Operation {
    Tensor apply(Ops ops, Tensor a, Tensor b);
  }

  private static byte[] bytes(float[] values) {
    byte[] bytes = new byte[values.length * Float.BYTES];
    MemorySegment.copy(
        MemorySegment.ofArray(values), 0, MemorySegment.ofArray(bytes), 0, bytes.length);
    return bytes;
  }

  /// Σ over i of a(i, row) · b(i, column), in `double`, compared to y `[rows, columns, …]`.
  private static void assertClose(
      float[] y, int rows, int columns, int depth, Element a, Element b, double bound) {
    double error = 0;
    double length = 0;
    for (int matrix = 0; matrix < y.length / rows / columns; matrix++) {
      for (int column = 0; column < columns; column++) {
        for (int row = 0; row < rows; row++) {
          double sum = 0;
          for (int i = 0; i < depth; i++) {
            sum += (double) a.at(matrix, i, row) * b.at(matrix, i, column);
          }
          double difference = sum - y[(matrix * columns + column) * rows + row];
          error += difference * difference;
          length += sum * sum;
        }
      }
    }
    assertTrue(Math.sqrt(error / length) < bound, "relative error " + Math.sqrt(error / length));
  }

  @FunctionalInterface
  private interface Element {
    float at(int matrix, int i, int j);
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 48, 7", "2, 20, 200, 33", "3, 16, 70, 130", "4, 33, 5, 1", "6, 96, 300, 300"})
  void activations(int threads, int k, int n, int m) {
    float[] a = gaussians(k * n * 2);
    float[] b = gaussians(k * m * 6);
    try (Backend backend = open(threads)) {
      FastProducts products = (FastProducts) backend.kernelLibrary().orElseThrow();
      // Three of b's matrices share one of a's, as query heads do with those of keys.
      float[] y =
          run(
              backend,
              new Spec("a", TensorType.F32, Shape.of(k, n, 2)),
              bytes(a),
              new Spec("b", TensorType.F32, Shape.of(k, m, 6)),
              b,
              products::multiply);
      assertClose(
          y,
          n,
          m,
          k,
          (matrix, i, row) -> a[(matrix / 3 * n + row) * k + i],
          (matrix, i, column) -> b[(matrix * m + column) * k + i],
          F32_BOUND);
    }
  }

  /// Sums over tokens of tensors that are laid out by token: both sides transposed.
  @Test
  void transposedViews() {
    int tokens = 50;
    float[] a = gaussians(24 * tokens);
    float[] b = gaussians(70 * tokens);
    try (Backend backend = open(2)) {
      FastProducts products = (FastProducts) backend.kernelLibrary().orElseThrow();
      float[] y =
          run(
              backend,
              new Spec("a", TensorType.F32, Shape.of(24, tokens)),
              bytes(a),
              new Spec("b", TensorType.F32, Shape.of(70, tokens)),
              b,
              (ops, x, z) -> products.multiply(ops, ops.transpose(x), ops.transpose(z)));
      assertClose(
          y, 24, 70, tokens, (_, i, row) -> a[i * 24 + row], (_, i, c) -> b[i * 70 + c], F32_BOUND);
    }
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
        "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4"
      })
  void weightsOfEveryType(TensorType type) {
    weightsOfType(type, ProductFormat.F32);
    weightsOfType(type, ProductFormat.BF16);
  }

  /// @param format the format to multiply in, whichever is faster here
  private void weightsOfType(TensorType type, ProductFormat format) {
    int k = 512;
    int n = 300; // two tiles
    int tokens = 11;
    float[] x = gaussians(k * tokens);
    float[] dy = gaussians(n * tokens);
    byte[] packed = new byte[Math.toIntExact(Shape.of(k, n).bytes(type))];
    float[] w = quantized(type, k, gaussians(k * n), packed);
    Spec weight = new Spec("a", type, Shape.of(k, n));
    for (int threads : new int[] {1, 3}) {
      Backend backend = open(threads);
      FastProducts products = FastProducts.in(choice(backend, format), threads);
      try {
        BiFunction<Ops, Tensor, Tensor> operand =
            (ops, b) ->
                products.activationType() == TensorType.F32
                    ? b
                    : ops.cast(b, products.activationType());
        float[] forward =
            run(
                backend,
                weight,
                packed,
                new Spec("b", TensorType.F32, Shape.of(k, tokens)),
                x,
                (ops, a, b) -> one(products, ops, ProductForm.WEIGHT, a, operand.apply(ops, b)));
        assertClose(
            forward,
            n,
            tokens,
            k,
            (_, i, row) -> w[row * k + i],
            (_, i, column) -> x[column * k + i],
            BF16_BOUND);
        float[] backward =
            run(
                backend,
                weight,
                packed,
                new Spec("b", TensorType.F32, Shape.of(n, tokens)),
                dy,
                (ops, a, b) ->
                    one(products, ops, ProductForm.TRANSPOSED_WEIGHT, a, operand.apply(ops, b)));
        assertClose(
            backward,
            k,
            tokens,
            n,
            (_, i, row) -> w[i * k + row],
            (_, i, column) -> dy[column * n + i],
            BF16_BOUND);
        float[] copy =
            run(
                backend,
                weight,
                packed,
                new Spec("b", TensorType.F32, Shape.of(1)),
                new float[1],
                (ops, a, _) -> inF32(ops, products.copy(ops, a)));
        for (int i = 0; i < copy.length; i++) {
          double bound = format == ProductFormat.F32 ? 0 : Math.abs(w[i]) / 256;
          assertEquals(w[i], copy[i], bound, "element " + i);
        }
        products.rethrow();
      } finally {
        products.close();
        backend.close();
      }
    }
  }

  /// Products in a format, where this processor has them: with AVX2 alone there are none in BF16.
  private static OneDnnChoice choice(Backend backend, ProductFormat format) {
    return OneDnnChoice.of(format)
        .orElseGet(
            () -> {
              backend.close();
              return Assumptions.abort("oneDNN has no products in " + format + " here");
            });
  }

  /// Quantizes into `packed`, and returns the values that this stands for.
  private static float[] quantized(TensorType type, int k, float[] values, byte[] packed) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
      MemorySegment rows = arena.allocate(packed.length, 64);
      RowQuantizer.quantize(type, floats, k, rows);
      MemorySegment.ofArray(packed).copyFrom(rows);
    }
    float[] result = new float[values.length];
    try (Backend backend = Backend.open("cpu", 1)) {
      Ops ops = new Ops();
      Shape shape = Shape.of(k, values.length / k);
      Tensor matrix = ops.placeholder("w", type, shape);
      Tensor all = ops.placeholder("all", TensorType.I32, Shape.of(shape.ne1()));
      Tensor out = ops.placeholder("y", TensorType.F32, shape);
      ops.schedule(ops.copy(ops.getRows(matrix, all), out));
      List<Spec> specs =
          List.of(
              new Spec("w", type, shape),
              new Spec("all", TensorType.I32, Shape.of(shape.ne1())),
              new Spec("y", TensorType.F32, shape));
      try (Graph graph = new Graph("rows", backend, ops);
          GraphMemory memory = new GraphMemory(backend);
          DeviceTensors tensors = DeviceTensors.allocate(backend, specs)) {
        int[] indices = new int[Math.toIntExact(shape.ne1())];
        Arrays.setAll(indices, i -> i);
        tensors.get("w").upload(MemorySegment.ofArray(packed), 0);
        tensors.get("all").upload(indices);
        graph.bind(matrix, tensors.get("w"));
        graph.bind(all, tensors.get("all"));
        graph.bind(out, tensors.get("y"));
        memory.allocate(List.of(graph));
        graph.compute();
        System.arraycopy(tensors.get("y").downloadFloats(), 0, result, 0, result.length);
      }
    }
    return result;
  }

  /// Seven terms of all forms, more than one operation takes, on uneven shapes.
  @Test
  void sums() {
    int k = 512;
    int n = 90;
    int tokens = 21;
    float[] x = gaussians(k * tokens);
    byte[] packed = new byte[Math.toIntExact(Shape.of(k, n).bytes(TensorType.F16))];
    float[] w = quantized(TensorType.F16, k, gaussians(k * n), packed);
    try (Backend backend = open(2)) {
      FastProducts products = (FastProducts) backend.kernelLibrary().orElseThrow();
      float[] actual =
          run(
              backend,
              new Spec("a", TensorType.F16, Shape.of(k, n)),
              packed,
              new Spec("b", TensorType.F32, Shape.of(k, tokens)),
              x,
              (ops, a, b) -> {
                Tensor operand =
                    products.activationType() == TensorType.F32
                        ? b
                        : ops.cast(b, products.activationType());
                FastTerm weight = new FastTerm(ProductForm.WEIGHT, a, operand);
                FastTerm plain = new FastTerm(ProductForm.PLAIN, ops.cast(a, TensorType.F32), b);
                return products.sum(
                    ops, List.of(weight, plain, weight, plain, weight, plain, weight));
              });
      assertClose(
          actual,
          n,
          tokens,
          k,
          (_, i, row) -> 7 * w[row * k + i],
          (_, i, column) -> x[column * k + i],
          BF16_BOUND);
    }
  }

  private static Tensor inF32(Ops ops, Tensor x) {
    return x.type() == TensorType.F32 ? x : ops.cast(x, TensorType.F32);
  }

  /// The middle of a larger tensor's tokens, first written, then added to; the rest stays.
  @ParameterizedTest
  @CsvSource({"1, 64, 48, 7", "2, 20, 200, 33", "4, 33, 5, 2"})
  void resultsGoIntoOtherTensors(int threads, int k, int n, int m) {
    int heads = 3;
    float[] a = gaussians(k * n * heads);
    float[] b = gaussians(k * m * heads);
    try (Backend backend = open(threads)) {
      FastProducts products = (FastProducts) backend.kernelLibrary().orElseThrow();
      float[] y =
          run(
              backend,
              new Spec("a", TensorType.F32, Shape.of(k, n, heads)),
              bytes(a),
              new Spec("b", TensorType.F32, Shape.of(k, m, heads)),
              b,
              (ops, left, right) -> {
                Tensor product = products.multiplyByToken(ops, left, right);
                Tensor all = ops.scale(ops.concat(product, ops.concat(product, product, 2), 2), 0);
                ops.schedule(all);
                Tensor middle = ops.view(all, product.shape(), m * all.stride(2));
                products.multiplyByTokenInto(ops, left, right, middle, false);
                products.multiplyByTokenInto(ops, left, right, middle, true);
                return all;
              });
      int part = n * heads * m;
      for (int i = 0; i < part; i++) {
        assertEquals(0, Math.abs(y[i]));
        assertEquals(0, Math.abs(y[2 * part + i]));
      }
      for (int head = 0; head < heads; head++) {
        int h = head;
        float[] matrix = new float[n * m];
        for (int column = 0; column < m; column++) {
          int from = part + (column * heads + h) * n;
          System.arraycopy(y, from, matrix, column * n, n);
        }
        assertClose(
            matrix,
            n,
            m,
            k,
            (_, i, row) -> 2 * a[(h * n + row) * k + i],
            (_, i, column) -> b[(h * m + column) * k + i],
            F32_BOUND);
      }
    }
  }

  private static Tensor one(FastProducts products, Ops ops, ProductForm form, Tensor a, Tensor b) {
    return products.sum(ops, List.of(new FastTerm(form, a, b)));
  }

  @Test
  void whatDoesntFitIsRefused() {
    try (Backend backend = open(1);
        Ops ops = new Ops()) {
      FastProducts products = (FastProducts) backend.kernelLibrary().orElseThrow();
      Tensor a = ops.placeholder("a", TensorType.F32, Shape.of(8, 3));
      Tensor b = ops.placeholder("b", TensorType.F32, Shape.of(9, 3));
      Tensor weight = ops.placeholder("w", TensorType.Q4_0, Shape.of(32, 3));
      String message =
          assertThrows(GgmlException.class, () -> products.multiply(ops, a, b)).getMessage();
      assertEquals("a product can't take a f32 [8, 3] and b f32 [9, 3]", message);
      for (ProductForm form : ProductForm.values()) {
        assertThrows(GgmlException.class, () -> one(products, ops, form, weight, a));
      }
      assertThrows(GgmlException.class, () -> one(products, ops, ProductForm.WEIGHT, a, a));
      assertThrows(GgmlException.class, () -> products.multiplyInto(ops, a, a, a, true));
      assertThrows(GgmlException.class, () -> products.copy(ops, a));
    }
  }
}
