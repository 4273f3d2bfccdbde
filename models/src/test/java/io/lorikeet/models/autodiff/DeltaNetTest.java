package io.lorikeet.models.autodiff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The gated delta rule and state spaces in chunks against the rules themselves, token by token in
/// float64, and their gradients against central differences of that.
@ExtendWith(LeakCheck.class)
class DeltaNetTest {
  private static final double BOUND = 1e-4;
  private static final double STEP = 1e-5;
  private static final int ELEMENTS_CHECKED = 12;
  private static final int SIZE = 8;

  /// Sizes and values of a case; all arrays as [DeltaNet.Inputs] has them, that of beta left out
  /// for a state space.
  private record Case(
      int rows,
      int context,
      int keySize,
      int keyHeads,
      int valueHeads,
      boolean grouped,
      int[] seenUntil,
      double[][] inputs) {

    int tokens() {
      return rows * context;
    }

    /// The rule itself: `[SIZE, valueHeads, tokens]`.
    double[] y() {
      double[] y = new double[SIZE * valueHeads * tokens()];
      for (int head = 0; head < valueHeads; head++) {
        double[][] state = new double[keySize][SIZE];
        for (int t = 0; t < tokens(); t++) {
          boolean begins = t % context == 0 || seenUntil[t - 1] < t % context;
          step(begins ? new double[keySize][SIZE] : state, state, head, t, y);
        }
      }
      return y;
    }

    private void step(double[][] before, double[][] state, int head, int t, double[] y) {
      int keyHead = grouped ? head / (valueHeads / keyHeads) : head % keyHeads;
      int key = keySize * (keyHead + keyHeads * t);
      int value = SIZE * (head + valueHeads * t);
      double decay = Math.exp(inputs[3][head + valueHeads * t]);
      boolean corrects = inputs.length == 5;
      double beta = corrects ? inputs[4][head + valueHeads * t] : 1;
      for (int j = 0; j < SIZE; j++) {
        double known = 0;
        for (int i = 0; i < keySize; i++) {
          state[i][j] = decay * before[i][j];
          known += state[i][j] * inputs[1][key + i];
        }
        double correction = beta * (inputs[2][value + j] - (corrects ? known : 0));
        for (int i = 0; i < keySize; i++) {
          state[i][j] += inputs[1][key + i] * correction;
          y[value + j] += state[i][j] * inputs[0][key + i];
        }
      }
    }

    double slope(int input, int element, double[] weights) {
      double[] values = inputs[input];
      double middle = values[element];
      values[element] = middle + STEP;
      double ahead = sum(y(), weights);
      values[element] = middle - STEP;
      double behind = sum(y(), weights);
      values[element] = middle;
      return (ahead - behind) / (2 * STEP);
    }
  }

  private static double sum(double[] y, double[] weights) {
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += y[i] * weights[i];
    }
    return sum;
  }

  /// Lengths that are multiples of the chunk and others; many boundaries; gradients of any size.
  @ParameterizedTest
  @CsvSource({
    "1, 16, 4, 2, 2, 1, 1",
    "1, 19, 8, 1, 2, 1, 4",
    "2, 21, 4, 2, 4, 1, 5",
    "3, 5, 8, 1, 1, 1, 2",
    "1, 130, 64, 1, 2, 1, 3",
    "1, 120, 32, 1, 1, 1, 41",
    "2, 21, 4, 2, 4, 1e-8, 3",
    "2, 21, 4, 2, 4, 1e5, 3",
    "2, 21, 4, 2, 6, 1, 5"
  })
  void isTheRuleTokenByToken(
      int rows, int context, int chunk, int keyHeads, int valueHeads, double size, int examples) {
    boolean grouped = valueHeads == 6;
    compare(random(rows, context, SIZE, keyHeads, valueHeads, grouped, examples), chunk, size);
  }

  /// Without beta, and with keys of another size than the values.
  @ParameterizedTest
  @CsvSource({
    "1, 16, 4, 1, 2, 1, 1",
    "1, 19, 8, 2, 4, 1, 4",
    "2, 21, 4, 1, 6, 1, 5",
    "1, 130, 64, 1, 2, 1, 3",
    "1, 120, 32, 1, 1, 1, 41",
    "2, 21, 4, 2, 4, 1e-8, 3",
    "2, 21, 4, 2, 4, 1e5, 3"
  })
  void isAStateSpaceTokenByToken(
      int rows, int context, int chunk, int keyHeads, int valueHeads, double size, int examples) {
    Case all = random(rows, context, SIZE + 4, keyHeads, valueHeads, true, examples);
    double[][] inputs = Arrays.copyOf(all.inputs(), 4);
    compare(
        new Case(rows, context, SIZE + 4, keyHeads, valueHeads, true, all.seenUntil(), inputs),
        chunk,
        size);
  }

  private static void compare(Case one, int chunk, double size) {
    for (ProductFormat format : List.of(ProductFormat.GGML, ProductFormat.F32)) {
      double[] weights = gaussians(new SplittableRandom(5), one.y().length, size);
      try (Computed computed = new Computed(one, chunk, weights, format)) {
        assertClose(one.y(), computed.y(), "results");
        SplittableRandom random = new SplittableRandom(6);
        for (int input = 0; input < one.inputs().length; input++) {
          float[] gradient = computed.gradient(input);
          double length = length(gradient);
          assertTrue(length > 0, "no gradient of input " + input);
          double typical = length / Math.sqrt(gradient.length);
          for (int n = 0; n < ELEMENTS_CHECKED; n++) {
            int i = random.nextInt(gradient.length);
            double slope = one.slope(input, i, weights);
            double bound = BOUND * Math.max(Math.abs(slope), typical);
            assertEquals(slope, gradient[i], bound, "element " + i + " of input " + input);
          }
        }
      }
    }
  }

  /// Decays log-uniform from 1e-4 to 1, keys of length 1.
  private static Case random(
      int rows,
      int context,
      int keySize,
      int keyHeads,
      int valueHeads,
      boolean grouped,
      int examples) {
    SplittableRandom random = new SplittableRandom(3);
    int tokens = rows * context;
    double[] q = gaussians(random, keySize * keyHeads * tokens, 1);
    double[] k = gaussians(random, keySize * keyHeads * tokens, 1);
    for (int first = 0; first < k.length; first += keySize) {
      double square = 0;
      for (int i = first; i < first + keySize; i++) {
        square += k[i] * k[i];
      }
      for (int i = first; i < first + keySize; i++) {
        k[i] /= Math.sqrt(square);
      }
    }
    double[] v = gaussians(random, SIZE * valueHeads * tokens, 1);
    double[] decay = random.doubles(valueHeads * (long) tokens, Math.log(1e-4), 0).toArray();
    double[] beta = random.doubles(valueHeads * (long) tokens, 0, 1).toArray();
    int[] seenUntil = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      int example = i % context * examples / context;
      seenUntil[i] = Math.ceilDiv((example + 1) * context, examples) - 1;
    }
    return new Case(
        rows,
        context,
        keySize,
        keyHeads,
        valueHeads,
        grouped,
        seenUntil,
        new double[][] {q, k, v, decay, beta});
  }

  private static double[] gaussians(SplittableRandom random, int count, double size) {
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = size * random.nextGaussian();
    }
    return values;
  }

  private static void assertClose(double[] expected, float[] actual, String what) {
    double typical = Math.sqrt(sum(expected, expected) / expected.length);
    for (int i = 0; i < expected.length; i++) {
      double bound = BOUND * Math.max(Math.abs(expected[i]), typical);
      assertEquals(expected[i], actual[i], bound, what + ", element " + i);
    }
  }

  private static double length(float[] vector) {
    double sum = 0;
    for (float value : vector) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  /// The graph with its inputs and results.
  private static final class Computed implements AutoCloseable {
    private final Backend backend;
    private final Ops ops = new Ops();
    private final Map<Tensor, float[]> contents = new LinkedHashMap<>();
    private final DeviceTensors tensors;
    private final Graph graph;
    private final GraphMemory memory;

    Computed(Case one, int chunk, double[] weights, ProductFormat format) {
      backend = Backend.open("cpu", 1, Optional.of(format));
      Tensor rowNumbers = placeholder("row_numbers", TensorType.I32, Shape.of(1), new float[0]);
      GraphKernels kernels = new GraphKernels(ops, backend, Precision.AUTO, rowNumbers, true);
      Tape tape = new Tape(ops, kernels, new ParameterGradients(ops));
      int tokens = one.tokens();
      List<Shape> shapes =
          List.of(
              Shape.of(one.keySize(), one.keyHeads(), tokens),
              Shape.of(one.keySize(), one.keyHeads(), tokens),
              Shape.of(SIZE, one.valueHeads(), tokens),
              Shape.of(one.valueHeads(), tokens),
              Shape.of(one.valueHeads(), tokens));
      List<Tensor> inputs = new ArrayList<>();
      for (int i = 0; i < one.inputs().length; i++) {
        inputs.add(floats("input " + i, shapes.get(i), narrowed(one.inputs()[i])));
      }
      Tensor y =
          tape.gatedDelta(
              new DeltaNet.Inputs(
                  inputs.get(0),
                  inputs.get(1),
                  inputs.get(2),
                  inputs.get(3),
                  inputs.size() == 5 ? inputs.get(4) : null),
              net(one, chunk));
      ops.schedule(ops.copy(y, floats("y", y.shape(), null)));
      tape.backward(y, floats("weights", y.shape(), narrowed(weights)));
      for (int i = 0; i < inputs.size(); i++) {
        Tensor target = floats("gradient " + i, shapes.get(i), null);
        ops.schedule(ops.copy(tape.gradient(inputs.get(i)), target));
      }
      graph = new Graph("the delta rule", backend, ops);
      tensors =
          DeviceTensors.allocate(
              backend,
              contents.keySet().stream()
                  .map(t -> new Spec(t.name(), t.type(), t.shape()))
                  .toList());
      contents.forEach(this::bind);
      memory = new GraphMemory(backend);
      memory.allocate(List.of(graph));
      graph.compute();
      backend.finish();
    }

    private DeltaNet net(Case one, int chunk) {
      float[] identity = new float[chunk * chunk];
      for (int i = 0; i < chunk; i++) {
        identity[i * chunk + i] = 1;
      }
      float[] indices = new float[one.context()];
      for (int i = 0; i < indices.length; i++) {
        indices[i] = i;
      }
      float[] seenUntil = new float[one.tokens()];
      for (int i = 0; i < seenUntil.length; i++) {
        seenUntil[i] = one.seenUntil()[i];
      }
      return new DeltaNet(
          one.rows(),
          one.context(),
          floats("sums", Shape.of(chunk, chunk + 1, chunk), DeltaNet.sumsOfChunk(chunk)),
          floats("identity", Shape.of(chunk, chunk), identity),
          floats("indices", Shape.of(one.context()), indices),
          floats("seen_until", Shape.of(one.tokens()), seenUntil),
          one.grouped(),
          true);
    }

    private Tensor floats(String name, Shape shape, float[] values) {
      return placeholder(name, TensorType.F32, shape, values);
    }

    private Tensor placeholder(String name, TensorType type, Shape shape, float[] values) {
      Tensor placeholder = ops.placeholder(name, type, shape);
      contents.put(placeholder, values);
      return placeholder;
    }

    private void bind(Tensor placeholder, float[] values) {
      Tensor tensor = tensors.get(placeholder.name());
      graph.bind(placeholder, tensor);
      if (values == null || placeholder.type() != TensorType.F32) {
        tensor.clear();
      } else {
        tensor.upload(values);
      }
    }

    private static float[] narrowed(double[] values) {
      float[] narrow = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        narrow[i] = (float) values[i];
      }
      return narrow;
    }

    float[] y() {
      return tensors.get("y").downloadFloats();
    }

    float[] gradient(int input) {
      return tensors.get("gradient " + input).downloadFloats();
    }

    @Override
    public void close() {
      memory.close();
      graph.close();
      tensors.close();
      backend.close();
    }
  }
}
