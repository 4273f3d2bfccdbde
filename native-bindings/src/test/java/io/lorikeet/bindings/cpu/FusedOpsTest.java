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
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Fused operations against their definitions in `double`, for several numbers of threads.
@ExtendWith(LeakCheck.class)
class FusedOpsTest {
  private static final double BF16_STEP = 1.0 / 256;

  private final SplittableRandom random = new SplittableRandom(7);

  private static Backend open(int threads) {
    Backend backend = Backend.open("cpu", threads);
    if (backend.kernelLibrary().isEmpty()) {
      backend.close();
      Assumptions.abort("oneDNN has no products for this processor");
    }
    return backend;
  }

  private static FusedOps fused(Backend backend) {
    return ((FastProducts) backend.kernelLibrary().orElseThrow()).fused();
  }

  private float[] gaussians(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /// An input: `float[]` or `int[]`.
  private record Input(Object values, Shape shape) {
    Spec spec(String name) {
      return new Spec(name, values instanceof int[] ? TensorType.I32 : TensorType.F32, shape);
    }

    void upload(Tensor to) {
      if (values instanceof int[] integers) {
        to.upload(integers);
      } else {
        to.upload((float[]) values);
      }
    }
  }

  /// Runs what `operation` makes of F32 copies of the inputs, which it may overwrite, and returns
  /// the results as F32.
  private static List<float[]> run(Backend backend, List<Input> inputs, Operation operation) {
    Ops ops = new Ops();
    List<Spec> specs = new ArrayList<>();
    List<Tensor> placeholders = new ArrayList<>();
    List<Tensor> copies = new ArrayList<>();
    for (Input input : inputs) {
      Spec spec = input.spec("input" + specs.size());
      specs.add(spec);
      Tensor placeholder = ops.placeholder(spec.name(), spec.type(), spec.shape());
      placeholders.add(placeholder);
      copies.add(spec.type() == TensorType.F32 ? ops.scale(placeholder, 1) : placeholder);
    }
    List<Tensor> outs = new ArrayList<>();
    for (Tensor result : operation.apply(ops, copies)) {
      Spec spec = new Spec("output" + outs.size(), TensorType.F32, result.shape());
      specs.add(spec);
      Tensor out = ops.placeholder(spec.name(), spec.type(), spec.shape());
      outs.add(out);
      ops.schedule(ops.copy(result, out));
    }
    try (Graph graph = new Graph("fused", backend, ops);
        GraphMemory memory = new GraphMemory(backend);
        DeviceTensors tensors = DeviceTensors.allocate(backend, specs)) {
      for (int i = 0; i < inputs.size(); i++) {
        inputs.get(i).upload(tensors.get("input" + i));
        graph.bind(placeholders.get(i), tensors.get("input" + i));
      }
      for (int i = 0; i < outs.size(); i++) {
        graph.bind(outs.get(i), tensors.get("output" + i));
      }
      memory.allocate(List.of(graph));
      graph.compute();
      graph.compute();
      return IntStream.range(0, outs.size())
          .mapToObj(i -> tensors.get("output" + i).downloadFloats())
          .toList();
    }
  }

  @FunctionalInterface
  private interface Operation {
    List<Tensor> apply(Ops ops, List<Tensor> inputs);
  }

  private static Operation inPlace(
      Function<Ops, Function<List<Tensor>, FusedOps.FusedOutput>> made) {
    return (ops, inputs) -> {
      FusedOps.FusedOutput result = made.apply(ops).apply(inputs);
      return List.of(result.values(), result.operand());
    };
  }

  /// Both the values and the operand.
  private static void assertResult(double expected, List<float[]> results, int index) {
    double bound = 1e-6 + 2e-6 * Math.abs(expected);
    assertEquals(expected, results.get(0)[index], bound);
    assertEquals(expected, results.get(1)[index], bound + BF16_STEP * Math.abs(expected));
  }

  /// Some tokens of `[n, heads, tokens]`, packed as `[n, some, heads]`.
  @ParameterizedTest
  @CsvSource({"1, 64, 3, 1", "2, 64, 12, 0.125", "3, 5, 2, 1.5", "4, 96, 3, 3"})
  void packedOperands(int threads, int n, int heads, float factor) {
    int tokens = 11;
    int first = 2;
    int some = 7;
    float[] x = gaussians(n * heads * tokens);
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      float[] packed =
          run(
                  backend,
                  List.of(new Input(x, Shape.of(n, heads, tokens))),
                  (ops, in) -> {
                    Tensor all = in.getFirst();
                    Shape shape = Shape.of(n, heads, some);
                    Tensor part = ops.view(all, shape, first * all.stride(2));
                    return List.of(fused.packed(ops, ops.permute(part, 0, 2, 1, 3), factor));
                  })
              .getFirst();
      for (int i = 0; i < packed.length; i++) {
        int token = first + i / n % some;
        int head = i / n / some;
        float expected = factor * x[(token * heads + head) * n + i % n];
        assertEquals(expected, packed[i], BF16_STEP * Math.abs(expected));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 7", "2, 600000, 1", "3, 5, 1", "4, 96, 200"})
  void operands(int threads, int n, int t) {
    float[] x = gaussians(n * t);
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              List.of(new Input(x, Shape.of(n, t))),
              (ops, in) -> {
                Tensor transposed = ops.transpose(in.get(0));
                return List.of(fused.operand(ops, in.get(0)), fused.operand(ops, transposed));
              });
      for (int i = 0; i < n * t; i++) {
        double bound = BF16_STEP * Math.abs(x[i]);
        assertEquals(x[i], results.get(0)[i], bound);
        assertEquals(x[i], results.get(1)[i % n * t + i / n], bound);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 64, 0, 57, 7, 3",
    "2, 60, 0, 20, 33, 1",
    "3, 130, 64, 180, 14, 4",
    "2, 700, 128, 500, 328, 2",
    "5, 2, 3, 3, 2, 2"
  })
  void softMaxOfTheKeysThatAreSeen(
      int threads, int keys, int firstKey, int firstQuery, int queries, int heads) {
    float[] scores = gaussians(keys * queries * heads);
    float[] seenUntil = new float[keys];
    for (int key = 0; key < keys; key++) {
      // Each sees itself; some are out of sight after a while, some stay.
      int own = firstKey + key;
      seenUntil[key] = random.nextInt(3) == 0 ? own + random.nextInt(40) : 10_000;
    }
    List<Input> inputs =
        List.of(
            new Input(scores, Shape.of(keys, queries, heads)),
            new Input(seenUntil, Shape.of(keys)));
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              inputs,
              inPlace(ops -> in -> fused.softMax(ops, in.get(0), in.get(1), firstKey, firstQuery)));
      for (int row = 0; row < queries * heads; row++) {
        int query = firstQuery + row % queries;
        double[] expected = new double[keys];
        double sum = 0;
        for (int key = 0; key < keys; key++) {
          if (firstKey + key <= query && seenUntil[key] >= query) {
            expected[key] = Math.exp(scores[row * keys + key]);
            sum += expected[key];
          }
        }
        for (int key = 0; key < keys; key++) {
          assertResult(expected[key] / sum, results, row * keys + key);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 7, 3", "2, 20, 33, 1", "3, 130, 5, 4", "5, 1, 2, 2"})
  void gradientOfSoftMax(int threads, int keys, int queries, int heads) {
    float[] gradient = gaussians(keys * queries * heads);
    float[] softMax = gaussians(keys * queries * heads);
    Shape shape = Shape.of(keys, queries, heads);
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              List.of(new Input(gradient, shape), new Input(softMax, shape)),
              inPlace(ops -> in -> fused.softMaxBack(ops, in.get(0), in.get(1))));
      for (int row = 0; row < queries * heads; row++) {
        double product = 0;
        double size = 0;
        for (int i = row * keys; i < (row + 1) * keys; i++) {
          product += (double) gradient[i] * softMax[i];
          size += Math.abs(gradient[i] * softMax[i]);
        }
        for (int i = row * keys; i < (row + 1) * keys; i++) {
          double expected = softMax[i] * (gradient[i] - product);
          double bound = 1e-5 * (1 + size);
          assertEquals(expected, results.get(0)[i], bound);
          assertEquals(expected, results.get(1)[i], bound + BF16_STEP * Math.abs(expected));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1000, 7", "3, 33, 10", "4, 5, 2"})
  void crossEntropy(int threads, int vocabulary, int tokens) {
    float[] logits = gaussians(vocabulary * tokens);
    int[] labels = new int[tokens];
    float[] weights = new float[tokens];
    for (int i = 0; i < tokens; i++) {
      labels[i] = random.nextInt(vocabulary);
      weights[i] = new float[] {0, 1, 2, -1.5f}[i % 4]; // 0: not trained
    }
    // A label whose probability no float can hold.
    logits[vocabulary + labels[1]] = -200;
    List<Input> inputs =
        List.of(
            new Input(logits, Shape.of(vocabulary, tokens)),
            new Input(labels, Shape.of(tokens)),
            new Input(weights, Shape.of(tokens)));
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              inputs,
              (ops, in) -> {
                FusedOps.FusedOutput result =
                    fused.crossEntropyAndGradient(ops, in.get(0), in.get(1), in.get(2));
                return List.of(result.values(), result.operand(), in.get(2));
              });
      List<float[]> losses =
          run(
              backend,
              inputs,
              (ops, in) -> {
                fused.crossEntropy(ops, in.get(0), in.get(1), in.get(2));
                return List.of(in.get(2));
              });
      for (int token = 0; token < tokens; token++) {
        int first = token * vocabulary;
        double sum =
            IntStream.range(first, first + vocabulary).mapToDouble(i -> Math.exp(logits[i])).sum();
        double loss = weights[token] == 0 ? 0 : Math.log(sum) - logits[first + labels[token]];
        assertEquals(loss, results.get(2)[token], 1e-5 * (1 + loss));
        assertEquals(loss, losses.get(0)[token], 1e-5 * (1 + loss));
        for (int i = 0; i < vocabulary; i++) {
          double one = i == labels[token] ? 1 : 0;
          double expected = weights[token] * (Math.exp(logits[first + i]) / sum - one);
          assertResult(expected, results, first + i);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 7", "2, 9001, 9", "3, 5, 1", "4, 96, 200"})
  void gradientsOfSwiglu(int threads, int n, int t) {
    Shape shape = Shape.of(n, t);
    float[] dy = gaussians(n * t);
    float[] gate = gaussians(n * t);
    float[] up = gaussians(n * t);
    gate[0] = -100;
    gate[n * t - 1] = 100;
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              List.of(new Input(dy, shape), new Input(gate, shape), new Input(up, shape)),
              (ops, in) -> {
                FusedOps.FusedSwigluGradients both =
                    fused.swigluBack(ops, in.get(0), in.get(1), in.get(2));
                return List.of(
                    both.gate().values(),
                    both.gate().operand(),
                    both.up().values(),
                    both.up().operand());
              });
      for (int i = 0; i < n * t; i++) {
        double sigmoid = 1 / (1 + Math.exp(-gate[i]));
        double dGate = (double) dy[i] * up[i] * sigmoid * (1 + gate[i] * (1 - sigmoid));
        double dUp = dy[i] * gate[i] * sigmoid;
        assertResult(dGate, results.subList(0, 2), i);
        assertResult(dUp, results.subList(2, 4), i);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 7", "2, 9001, 9", "3, 5, 1", "4, 96, 200", "2, 768, 700"})
  void rmsNorm(int threads, int n, int t) {
    float epsilon = 0.01f;
    float[] x = gaussians(n * t);
    float[] gain = gaussians(n);
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      assertTrue(fused.hasRmsNorm());
      List<float[]> results =
          run(
              backend,
              List.of(new Input(x, Shape.of(n, t)), new Input(gain, Shape.of(n))),
              (ops, in) -> {
                FusedOps.FusedOutput result = fused.rmsNorm(ops, in.get(0), in.get(1), epsilon);
                Tensor reference = ops.mul(ops.rmsNorm(in.get(0), epsilon), in.get(1));
                return List.of(result.values(), result.operand(), reference);
              });
      for (int row = 0; row < t; row++) {
        double square = 0;
        for (int i = 0; i < n; i++) {
          square += (double) x[row * n + i] * x[row * n + i] / n;
        }
        for (int i = 0; i < n; i++) {
          int at = row * n + i;
          assertResult(gain[i] * x[at] / Math.sqrt(square + epsilon), results, at);
          assertResult(results.get(2)[at], results, at);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 64, 7", "2, 9001, 9", "3, 5, 1", "4, 96, 200", "2, 768, 700"})
  void gradientOfRmsNorm(int threads, int n, int t) {
    float epsilon = 0.01f;
    Shape shape = Shape.of(n, t);
    float[] dy = gaussians(n * t);
    float[] x = gaussians(n * t);
    float[] gain = gaussians(n);
    try (Backend backend = open(threads)) {
      FusedOps fused = fused(backend);
      List<float[]> results =
          run(
              backend,
              List.of(new Input(dy, shape), new Input(x, shape), new Input(gain, Shape.of(n))),
              (ops, in) -> {
                Tensor scaled = ops.mul(in.get(0), in.get(2));
                return List.of(
                    fused.rmsNormBack(ops, in.get(0), in.get(1), in.get(2), epsilon),
                    ops.rmsNormBack(scaled, in.get(1), epsilon));
              });
      for (int row = 0; row < t; row++) {
        double square = 0;
        double product = 0;
        for (int i = 0; i < n; i++) {
          square += (double) x[row * n + i] * x[row * n + i] / n;
          product += (double) x[row * n + i] * dy[row * n + i] * gain[i] / n;
        }
        double rms = Math.sqrt(square + epsilon);
        for (int i = 0; i < n; i++) {
          int at = row * n + i;
          double expected = (dy[at] * gain[i] - x[at] * product / (rms * rms)) / rms;
          double bound = 1e-6 * (1 + Math.abs(expected));
          assertEquals(expected, results.get(0)[at], bound);
          assertEquals(results.get(1)[at], results.get(0)[at], bound);
        }
      }
    }
  }

  @Test
  void otherShapesAreRefused() {
    try (Backend backend = open(1);
        Ops ops = new Ops()) {
      FusedOps fused = fused(backend);
      Tensor scores = ops.placeholder("scores", TensorType.F32, Shape.of(8, 4, 2));
      Tensor flat = ops.placeholder("flat", TensorType.F32, Shape.of(4, 8));
      Tensor eight = ops.placeholder("eight", TensorType.F32, Shape.of(8));
      Tensor labels = ops.placeholder("labels", TensorType.I32, Shape.of(8));
      assertThrows(GgmlException.class, () -> fused.softMax(ops, scores, flat, 0, 4));
      assertThrows(GgmlException.class, () -> fused.softMax(ops, scores, eight, 0, 5));
      assertThrows(GgmlException.class, () -> fused.softMax(ops, scores, eight, 5, 4));
      assertThrows(GgmlException.class, () -> fused.softMaxBack(ops, scores, flat));
      assertThrows(GgmlException.class, () -> fused.crossEntropy(ops, scores, labels, eight));
      assertThrows(GgmlException.class, () -> fused.crossEntropy(ops, flat, eight, eight));
      assertThrows(GgmlException.class, () -> fused.rmsNorm(ops, scores, flat, 1e-5f));
      assertThrows(GgmlException.class, () -> fused.rmsNormBack(ops, flat, scores, eight, 1e-5f));
      assertThrows(GgmlException.class, () -> fused.swigluBack(ops, flat, flat, eight));
    }
  }
}
