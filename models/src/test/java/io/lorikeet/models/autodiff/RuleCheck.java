package io.lorikeet.models.autodiff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.DeviceTraits;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// Checks the gradients of one expression on a tape by central differences. The expression's result
/// is made a number by a sum with random weights, in `double`.
final class RuleCheck implements AutoCloseable {
  static final double BOUND = 1e-3;
  private static final double STEP = 1e-2;
  private static final int ELEMENTS_CHECKED = 5;

  /// Few, so that the matrices of the checks are taken in several chunks.
  private static final long CHUNK_ELEMENTS = 2048;

  final Tape tape;
  final Ops ops = new Ops();
  private final Backend backend;
  private final ParameterGradients parameterGradients = new ParameterGradients(ops);
  private final SplittableRandom random;
  private final List<Spec> specs = new ArrayList<>();
  private final List<Tensor> placeholders = new ArrayList<>();
  private final Map<Tensor, Consumer<Tensor>> contents = new LinkedHashMap<>();

  /// The checked gradients, by their inputs.
  private final Map<Tensor, Tensor> gradients = new LinkedHashMap<>();

  private final List<Tensor> activations = new ArrayList<>();
  private DeviceTensors tensors;
  private Graph graph;
  private GraphMemory memory;

  /// How the rule is computed.
  enum Way {
    /// By ggml's operations as the CPU has them, in F32.
    PLAIN,
    /// With the products that training takes.
    FAST,
    /// Without ggml's operations of gradients, which are put together from others.
    PUT_TOGETHER,
    /// With outer products as CUDA has them.
    OUTER
  }

  /// Slopes can't be measured through activations that are rounded to BF16.
  static RuleCheck onCpu(long seed, Way way) {
    return new RuleCheck(seed, way, Backend.open("cpu", 1, Optional.of(ProductFormat.F32)));
  }

  /// @param seed of all numbers; the same ones on every backend
  /// @param backend closed with this
  RuleCheck(long seed, Way way, Backend backend) {
    this.backend = backend;
    random = new SplittableRandom(seed);
    Tensor rowNumbers = indices("row_numbers", IntStream.range(0, 512).toArray());
    BackwardOps backwardOps =
        way == Way.PUT_TOGETHER ? new BackwardOps(ops, _ -> false) : new BackwardOps(ops, backend);
    DeviceTraits traits = way == Way.OUTER ? DeviceTraits.CUDA : backend.traits();
    Precision precision = way == Way.FAST ? Precision.AUTO : Precision.F32;
    GraphKernels kernels =
        new GraphKernels(
            ops, backend, precision, rowNumbers, backwardOps, traits, CHUNK_ELEMENTS, true);
    tape = new Tape(ops, kernels, parameterGradients);
  }

  /// An input of normally distributed values whose gradient is checked.
  Tensor input(Shape shape) {
    Tensor x = floats("input " + placeholders.size(), shape, gaussians(shape));
    activations.add(x);
    return x;
  }

  /// A trained matrix of such values.
  Parameter parameter(Shape shape) {
    String name = "parameter " + placeholders.size();
    Tensor value = floats(name, shape, gaussians(shape));
    Tensor gradient = placeholder(name + " gradient", TensorType.F32, shape, Tensor::clear);
    gradients.put(value, gradient);
    return new Parameter(value, gradient);
  }

  /// A constant of such values.
  Tensor constant(Shape shape) {
    return constant(shape, gaussians(shape));
  }

  Tensor constant(Shape shape, float[] values) {
    return floats("constant " + placeholders.size(), shape, values);
  }

  Tensor identity(int size) {
    float[] values = new float[size * size];
    for (int i = 0; i < size; i++) {
      values[i * size + i] = 1;
    }
    return constant(Shape.of(size, size), values);
  }

  /// @param seenUntil of each token, as a batch has it
  DeltaNet deltaNet(int rows, int context, int chunk, float[] seenUntil, boolean grouped) {
    float[] indices = new float[context];
    for (int i = 0; i < context; i++) {
      indices[i] = i;
    }
    return new DeltaNet(
        rows,
        context,
        constant(Shape.of(chunk, chunk + 1, chunk), DeltaNet.sumsOfChunk(chunk)),
        identity(chunk),
        constant(Shape.of(context), indices),
        constant(Shape.of(seenUntil.length), seenUntil),
        grouped,
        true);
  }

  Tensor indices(String name, int... values) {
    return placeholder(name, TensorType.I32, Shape.of(values.length), t -> t.upload(values));
  }

  /// A frozen matrix of any type.
  Tensor frozen(TensorType type, Shape shape) {
    float[] values = gaussians(shape);
    return placeholder(
        "frozen " + placeholders.size(),
        type,
        shape,
        tensor -> {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            MemorySegment rows = arena.allocate(tensor.bytes(), 64);
            RowQuantizer.quantize(type, floats, Math.toIntExact(shape.ne0()), rows);
            tensor.upload(rows, 0);
          }
        });
  }

  private Tensor floats(String name, Shape shape, float[] values) {
    return placeholder(name, TensorType.F32, shape, tensor -> tensor.upload(values));
  }

  private Tensor placeholder(String name, TensorType type, Shape shape, Consumer<Tensor> content) {
    Tensor placeholder = ops.placeholder(name, type, shape);
    placeholders.add(placeholder);
    specs.add(new Spec(name, type, shape));
    contents.put(placeholder, content);
    return placeholder;
  }

  private float[] gaussians(Shape shape) {
    float[] values = new float[Math.toIntExact(shape.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /// The gradients of everything that `result` depends on.
  List<float[]> gradients(Tensor result) {
    float[] weights = gaussians(result.shape());
    Tensor y = placeholder("result", TensorType.F32, result.shape(), Tensor::clear);
    return List.copyOf(compute(result, y, weights).values());
  }

  /// Checks the gradients of everything that `result` depends on.
  void check(Tensor result) {
    float[] weights = gaussians(result.shape());
    Tensor y = placeholder("result", TensorType.F32, result.shape(), Tensor::clear);
    Map<Tensor, float[]> computed = compute(result, y, weights);
    computed.forEach((x, gradient) -> checkAlong(x, gradient, y, weights));
    computed.forEach((x, gradient) -> checkElements(x, gradient, y, weights));
  }

  private Map<Tensor, float[]> compute(Tensor result, Tensor y, float[] weights) {
    build(result, y, floats("weights", result.shape(), weights));
    graph.compute();
    Map<Tensor, float[]> computed = new LinkedHashMap<>();
    gradients.forEach((x, gradient) -> computed.put(x, values(gradient)));
    return computed;
  }

  private void build(Tensor result, Tensor y, Tensor weights) {
    ops.schedule(ops.copy(result, y));
    tape.backward(result, weights);
    for (Tensor x : activations) {
      Tensor copy =
          placeholder("gradient of " + x.name(), TensorType.F32, x.shape(), Tensor::clear);
      ops.schedule(ops.copy(tape.gradient(x), copy));
      gradients.put(x, copy);
    }
    parameterGradients.store();
    graph = new Graph("a check", backend, ops);
    tensors = DeviceTensors.allocate(backend, specs);
    for (Tensor placeholder : placeholders) {
      graph.bind(placeholder, tensors.get(placeholder.name()));
      contents.get(placeholder).accept(tensors.get(placeholder.name()));
    }
    memory = new GraphMemory(backend);
    memory.allocate(List.of(graph));
  }

  private float[] values(Tensor placeholder) {
    return tensors.get(placeholder.name()).downloadFloats();
  }

  /// The slope along the gradient is its length.
  private void checkAlong(Tensor x, float[] gradient, Tensor y, float[] weights) {
    double length = length(gradient);
    double[] direction = new double[gradient.length];
    for (int i = 0; i < direction.length; i++) {
      direction[i] = gradient[i] / length;
    }
    double slope = slope(x, direction, y, weights);
    assertTrue(length > 0, "no gradient of " + x);
    assertEquals(length, slope, BOUND * length, "slope along the gradient of " + x);
  }

  /// Some elements on their own: an error at a right angle to the gradient doesn't show along it.
  private void checkElements(Tensor x, float[] gradient, Tensor y, float[] weights) {
    double typical = length(gradient) / Math.sqrt(gradient.length);
    for (int n = 0; n < ELEMENTS_CHECKED; n++) {
      int i = random.nextInt(gradient.length);
      double[] direction = new double[gradient.length];
      direction[i] = 1;
      double slope = slope(x, direction, y, weights);
      double bound = BOUND * Math.max(Math.abs(slope), typical);
      assertEquals(slope, gradient[i], bound, "element " + i + " of the gradient of " + x);
    }
  }

  private double slope(Tensor x, double[] direction, Tensor y, float[] weights) {
    float[] values = values(x);
    double ahead = lossAt(x, values, direction, STEP, y, weights);
    double behind = lossAt(x, values, direction, -STEP, y, weights);
    tensors.get(x.name()).upload(values);
    return (ahead - behind) / (2 * STEP);
  }

  private double lossAt(
      Tensor x, float[] values, double[] direction, double step, Tensor y, float[] weights) {
    float[] moved = values.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] += (float) (step * direction[i]);
    }
    tensors.get(x.name()).upload(moved);
    graph.compute();
    float[] result = values(y);
    double loss = 0;
    for (int i = 0; i < result.length; i++) {
      loss += (double) result[i] * weights[i];
    }
    return loss;
  }

  private static double length(float[] vector) {
    double sum = 0;
    for (float value : vector) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
      tensors.close();
      graph.close();
    } else {
      ops.close();
    }
    backend.close();
  }
}
